"""A Django project with django-oauth-toolkit: an authorization server and an API that are not ours."""
