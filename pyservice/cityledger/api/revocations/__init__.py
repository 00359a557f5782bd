"""The signed lists of officers that an agency no longer vouches for."""
