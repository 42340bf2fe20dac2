"""Tests of the gateway, most of them through its real listeners."""
