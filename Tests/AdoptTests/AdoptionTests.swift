import Adopt
import Testing
