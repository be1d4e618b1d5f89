#!/usr/bin/env python3
"""Workload unique-ids: 64 random bits for each life of the node, then a counter.

The counter alone would begin anew after a crash, and give out its first ids a second time.
"""

from splitbrain import Node

node = Node()
life = None
count = 0


@node.on_init
def begin():
    global life
    life = node.random.getrandbits(64)


@node.on("generate")
def generate(message):
    global count
    count += 1
    node.reply(message, type="generate_ok", id=f"{node.id}-{life:x}-{count}")


node.run()
