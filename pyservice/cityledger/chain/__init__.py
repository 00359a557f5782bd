"""The chain as the rest of the program sees it; the only stage that imports web3.

``rpc`` calls endpoints and accepts what is proven or what a majority answers, ``abi`` turns values into
bytes, ``contracts`` has one module a contract, ``deploy`` creates a deployment and verifies one. Above them,
``follower`` reads blocks and events, ``sender`` signs and sends transactions, and ``clock`` keeps the chain's
time.
"""
