#!/usr/bin/env python3
"""Workload lin-kv: passes every request on to the runner's linearizable store, and the answer back.

It shows how a node calls a service. It is as available and as right as the store is.
"""

from splitbrain import Node

node = Node()


def forward(message):
    body = {key: value for key, value in message.body.items() if key != "msg_id"}

    def answered(answer):
        fields = {key: value for key, value in answer.body.items() if key != "in_reply_to"}
        node.reply(message, **fields)

    node.rpc("lin-kv", answered, **body)


for kind in ["read", "write", "cas"]:
    node.on(kind)(forward)

node.run()
