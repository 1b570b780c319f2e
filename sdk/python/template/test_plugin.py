"""The plugin as the host sees it."""

import unittest

import plugin  # noqa: F401  (what it writes down is what is tested)
from toolyard import Text, testing


class GreetTest(unittest.TestCase):
    def test_somebody_is_greeted(self):
        self.assertEqual(testing.call("greet", {"name": "Ada"}).content, [Text("Hello, Ada!")])


if __name__ == "__main__":
    unittest.main()
