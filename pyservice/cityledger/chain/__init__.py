"""The chain as the rest of the program sees it; the only stage that imports web3.

``rpc`` speaks to endpoints and believes what is proven or what a majority says, ``abi`` turns values into
bytes, ``contracts`` has one module a contract, ``deploy`` creates a deployment and verifies one. Above them,
``follower`` reads blocks and events, ``sender`` signs and sends transactions, and ``clock`` keeps the chain's
time.
"""
