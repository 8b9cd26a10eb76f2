"""What is fuzzed, with what to begin, and how it is changed."""

from fuzzing.mutations import WORDS, mutated
from fuzzing.seeds import seeds
from fuzzing.targets import TARGETS

__all__ = ["TARGETS", "WORDS", "mutated", "seeds"]
