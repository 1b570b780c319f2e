"""The plugin as the host sees it."""

import unittest

import plugin  # noqa: F401  (what it writes down is what is tested)
from toolyard import Text, testing


class GreetTest(unittest.TestCase):
    def test_somebody_is_greeted(self) -> None:
        result = testing.call("greet", {"name": "Ada", "times": 2})
        self.assertEqual(result.content, [Text("Hello, Ada! Hello, Ada!")])


if __name__ == "__main__":
    unittest.main()
