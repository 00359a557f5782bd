"""Values as calldata and back, by the ABI of the compiled contracts; refusals as errors with their facts."""
