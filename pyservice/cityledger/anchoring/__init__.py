"""Closes batches and brings their roots to the chain, exactly once: by comparing what is stored with what
the chain holds.
"""
