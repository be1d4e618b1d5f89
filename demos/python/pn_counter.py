#!/usr/bin/env python3
"""Workloads pn-counter and g-counter: each node counts for itself, ups and downs apart.

A node's own counts only grow, so the larger of two reports is the later one: merging is the
maximum, node by node. One shared sum could not be merged: nobody would know what of it was counted
already.
"""

from splitbrain import Node

GOSSIP_MS = 250

node = Node()
ups = {}  # node -> the sum of its positive deltas
downs = {}  # node -> the sum of its negative deltas, as a positive number


@node.on("add")
def add(message):
    delta = message.body["delta"]
    counts = ups if delta >= 0 else downs
    counts[node.id] = counts.get(node.id, 0) + abs(delta)
    node.reply(message, type="add_ok")


@node.on("read")
def read(message):
    node.reply(message, type="read_ok", value=sum(ups.values()) - sum(downs.values()))


@node.on("merge")
def merge(message):
    for ours, theirs in [(ups, message.body["ups"]), (downs, message.body["downs"])]:
        for other, count in theirs.items():
            ours[other] = max(ours.get(other, 0), count)


@node.on_init
def begin():
    def gossip():
        for peer in node.peers:
            node.send(peer, type="merge", ups=ups, downs=downs)

    node.every(GOSSIP_MS, gossip)


node.run()
