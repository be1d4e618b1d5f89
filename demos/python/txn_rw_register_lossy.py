#!/usr/bin/env python3
"""Workload txn-rw-register, with a bug: of two transactions at the same time one is forgotten.

The whole table is one value in the runner's linearizable store, which is not enough: to read, and
then to write, are two operations. Run it with `--latency 10 --rate 50`.
"""

from splitbrain import Node, RPCError

node = Node()


def run(txn, table):
    """Does what a transaction says to a table. Returns what it was shown, and the new table."""
    table, shown = dict(table), []
    for what, key, value in txn:
        if what == "w":
            table[str(key)] = value
        else:
            value = table.get(str(key))
        shown.append([what, key, value])
    return shown, table


@node.on("txn")
def txn(message):
    def read(answer):
        if answer.body["type"] == "read_ok":
            before = answer.body["value"]
        elif answer.body["code"] == RPCError.KEY_DOES_NOT_EXIST:
            before = {}
        else:
            return  # nobody knows: better no answer than a wrong one
        shown, after = run(message.body["txn"], before)

        def written(_):
            node.reply(message, type="txn_ok", txn=shown)

        # Planted bug: it may have changed since it was read.
        node.rpc("lin-kv", written, type="write", key="table", value=after)

    node.rpc("lin-kv", read, type="read", key="table")


node.run()
