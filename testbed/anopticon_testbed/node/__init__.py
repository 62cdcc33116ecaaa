"""A node: a phone of any design, or a plain beacon, on one radio, with everything that happens recorded (SPEC.md 20.1).

node = Node(plan, world, phone)
await node.run()        # until somebody calls node.stop()
"""

from __future__ import annotations

from anopticon_testbed.node.life import Node
from anopticon_testbed.node.plan import BEACON, NodePlan, NodeWorld, PhoneSetup

__all__ = ["BEACON", "Node", "NodePlan", "NodeWorld", "PhoneSetup"]
