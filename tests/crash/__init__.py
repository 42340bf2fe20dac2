"""The crash harness: every fault point of the store × what may happen there × both databases (attack row K1).

`zygote` is a small process that has imported everything and forks a child for each case; `actions` is what happens
to a child at its fault point; `deeds` is what the children do; `scene` prepares a store for a case and judges what
is left of it.
"""
