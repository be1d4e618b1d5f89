#!/usr/bin/env python3
"""Workload broadcast, with a bug: each value is sent to the neighbours once, and forgotten.

It works on every network that loses nothing. Run it with `--nemesis partition`.
"""

from splitbrain import Node

node = Node()
seen = set()
neighbours = []


@node.on("topology")
def topology(message):
    global neighbours
    neighbours = message.body["topology"][node.id]
    node.reply(message, type="topology_ok")


@node.on("broadcast")
def broadcast(message):
    learn(message.body["message"], message.src)
    node.reply(message, type="broadcast_ok")


@node.on("read")
def read(message):
    node.reply(message, type="read_ok", messages=sorted(seen))


@node.on("gossip")
def gossip(message):
    learn(message.body["message"], message.src)


def learn(value, teller):
    if value in seen:
        return
    seen.add(value)
    for neighbour in neighbours:
        if neighbour != teller:
            # Planted bug: nobody ever asks whether it arrived.
            node.send(neighbour, type="gossip", message=value)


node.run()
