"""The race harness: processes, threads and tasks on one store, a provider that detects reuse, and a checker.

`python -m tests.race --seconds 20 --store sqlite` runs one race; `scripts/race` sets everything up first. Who does
what: `provider` rotates refresh tokens and writes down what it was shown; `worker` is one process of callers;
`nemesis` stops, kills and cuts; `conductor` starts them all and looks into the store; `checker` reads nothing but
the histories that they wrote and says what did not hold. No history holds a secret: fingerprints only.
"""
