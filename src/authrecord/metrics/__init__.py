"""Floor 4: counters and histograms in OpenMetrics, and the small server that shows them.

The law of this room: it counts what `keeper.observing` tells and what the store's tables say, and changes nothing.
A label holds a tenant's id, an outcome, a state or a number; never a record's name, a host, or words from outside
(attack row P18). It may import `keeper` and `core`, and `prometheus_client`, which the extra `metrics` brings;
nothing else imports that library, and authrecord works without it.
"""
