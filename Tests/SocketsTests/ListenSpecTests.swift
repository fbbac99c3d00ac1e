import Sockets
import Testing
