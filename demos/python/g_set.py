#!/usr/bin/env python3
"""Workload g-set: every node tells all others its whole set, again and again.

Merging is union: it does not matter in which order sets come, how often, or how late. That is all
it takes to be right under any partition.
"""

from splitbrain import Node

GOSSIP_MS = 250

node = Node()
elements = set()


@node.on("add")
def add(message):
    elements.add(message.body["element"])
    node.reply(message, type="add_ok")


@node.on("read")
def read(message):
    node.reply(message, type="read_ok", value=sorted(elements))


@node.on("merge")
def merge(message):
    elements.update(message.body["elements"])


@node.on_init
def begin():
    def gossip():
        for peer in node.peers:
            node.send(peer, type="merge", elements=sorted(elements))

    node.every(GOSSIP_MS, gossip)


node.run()
