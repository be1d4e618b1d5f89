#!/usr/bin/env python3
"""Workload broadcast: flood to the neighbours, and repeat until each has confirmed.

The topology is only a hint; along it every value reaches every node as long as it is connected. A
value is remembered for each neighbour until that neighbour has confirmed it, so a partition delays
it and loses nothing. All of it is in memory: a node that is killed forgets, and nobody tells it
again.
"""

from splitbrain import Node

RETRY_MS = 300

node = Node()
seen = set()
neighbours = []
unconfirmed = {}  # neighbour -> the values it has not confirmed


@node.on("topology")
def topology(message):
    global neighbours
    neighbours = message.body["topology"][node.id]
    for neighbour in neighbours:
        unconfirmed.setdefault(neighbour, set())
    node.reply(message, type="topology_ok")


@node.on("broadcast")
def broadcast(message):
    learn({message.body["message"]}, {message.src})
    node.reply(message, type="broadcast_ok")


@node.on("read")
def read(message):
    node.reply(message, type="read_ok", messages=sorted(seen))


@node.on("gossip")
def gossip(message):
    learn(set(message.body["messages"]), {message.src})
    node.reply(message, type="gossip_ok")


def learn(values, tellers):
    new = values - seen
    seen.update(new)
    if not new:
        return
    for neighbour in neighbours:
        if neighbour not in tellers:
            unconfirmed[neighbour] |= new
            tell(neighbour, new)


def tell(neighbour, values):
    def confirmed(_):
        unconfirmed[neighbour] -= values

    node.rpc(neighbour, confirmed, type="gossip", messages=sorted(values))


@node.on_init
def begin():
    def retry():
        for neighbour in neighbours:
            if unconfirmed[neighbour]:
                tell(neighbour, set(unconfirmed[neighbour]))

    node.every(RETRY_MS, retry)


node.run()
