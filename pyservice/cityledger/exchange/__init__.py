"""The two core operations of the product: ``submit`` seals and numbers a record, ``read`` logs and then
releases it.
"""
