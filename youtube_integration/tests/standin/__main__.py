"""`python -m youtube_integration.tests.standin PORT [ask]`: run until killed. `ask` shows a consent page."""

import sys
import threading

from youtube_integration.tests.standin import StandIn

google = StandIn(int(sys.argv[1]))
google.manner.asks = "ask" in sys.argv[2:]
google.start()
for name, value in google.environment().items():
    sys.stdout.write(f"{name}={value}\n")
sys.stdout.flush()
threading.Event().wait()
