"""What the operator grants: settings, a store, requests; and what the plugin tells its host."""

import logging
import unittest

from toolyard import Retryable, ToolError, config, http, keyvalue, logs, testing
from toolyard.host import NotInACall
from toolyard.keyvalue import Store


class ConfigTest(unittest.TestCase):
    def test_settings(self):
        with testing.Grants(config={"limit": " 12 ", "fast": "yes"}):
            self.assertEqual((config.get("fast"), config.get("none"), config.get("none", "x")), ("yes", None, "x"))
            self.assertEqual((config.read("limit", int), config.read("none", int, 3)), (12, 3))
            self.assertEqual(config.all(), {"limit": " 12 ", "fast": "yes"})
            with self.assertRaisesRegex(ToolError, "setting `fast` cannot be used: it is no `int`"):
                config.read("fast", int)

    def test_a_truth_is_true_or_false(self):
        with testing.Grants(config={"a": " true", "b": "false", "c": "yes"}):
            self.assertEqual([config.read(key, bool) for key in "abd"], [True, False, None])
            with self.assertRaisesRegex(ToolError, "`c` cannot be used: it is neither `true` nor `false`"):
                config.read("c", bool)

    def test_there_is_no_host_outside_of_a_call(self):
        with self.assertRaisesRegex(NotInACall, "call it in a function"):
            config.get("a")


class StoreTest(unittest.TestCase):
    def test_values(self):
        with testing.Grants(keyvalue=True):
            store = Store()
            store.set("b", "é")
            store.set_many({"a": b"1", "c": "x"})
            self.assertEqual(list(store.keys()), ["a", "b", "c"])
            store.set("c/1", "y")
            self.assertEqual(list(store.keys("c")), ["c", "c/1"])
            store.delete("c/1")
            self.assertEqual((store.get("b"), store.get("z"), store.exists("a")), ("é".encode(), None, True))
            store.delete("b")
            store.delete_many(["c", "z"])
            self.assertEqual(store.get_many(["a", "b"]), [b"1", None])
            self.assertEqual((store.increment("a"), store.increment("n", -5)), (2, -5))
            store.set_json("j", {"a": [1]})
            self.assertEqual((store.get_json("j"), store.get_json("none", 7)), ({"a": [1]}, 7))
            store.set("broken", "{")
            with self.assertRaisesRegex(keyvalue.Unreadable, "`broken` cannot be read"):
                store.get_json("broken")

    def test_an_update_that_lost_begins_again(self):
        with testing.Grants(keyvalue=True):
            store = Store()

            def change(old):
                if not old:
                    store.set("list", '["other"]')
                return [*old, "mine"]

            self.assertEqual(store.update_json("list", change, default=[]), ["other", "mine"])
            self.assertEqual(store.update("text", lambda old: "é"), "é".encode())
            self.assertEqual(store.get_json("list"), ["other", "mine"])

            def never(old):
                store.increment("busy")
                return b"x"

            with self.assertRaises(Retryable):
                store.update("busy", never)

    def test_what_is_not_granted(self):
        with testing.Grants():
            with self.assertRaisesRegex(keyvalue.Denied, "no store to keep anything in"):
                Store()


class HttpTest(unittest.TestCase):
    def serve(self, *responses: http.Response) -> testing.Grants:
        waiting = list(responses)
        self.requests: list[http.Request] = []

        def server(request: http.Request) -> http.Response:
            self.requests.append(request)
            return waiting.pop(0)

        return testing.Grants(http=server)

    def test_a_request(self):
        answer = http.Response(200, {"Content-Type": "text/plain; charset=latin-1", "X": "1"}, "é".encode("latin-1"))
        with self.serve(answer):
            response = http.get("https://example.com/a?b=1", params={"c": "ü &", "d": [1, 2]}, headers={"Accept": "text/plain"})
            self.assertEqual((response.ok, response.text, response.headers["x"], response.url), (True, "é", "1", self.requests[0].url))
        self.assertEqual(self.requests[0].target, "/a?b=1&c=%C3%BC%20%26&d=1&d=2")
        self.assertEqual(self.requests[0].headers, [("Accept", "text/plain")])

    def test_bodies(self):
        with self.serve(*[http.Response(201) for _ in range(3)]):
            http.post("https://example.com", json={"a": "é"})
            http.put("https://example.com", data={"a": "b c"})
            http.patch("https://example.com", data=b"raw")
        self.assertEqual([request.body for request in self.requests], ['{"a":"é"}'.encode(), b"a=b+c", b"raw"])
        kinds = [("content-type", "application/json")], [("content-type", "application/x-www-form-urlencoded")], []
        self.assertEqual(tuple(request.headers for request in self.requests), kinds)
        self.assertEqual((self.requests[0].method, self.requests[0].target), ("POST", "/"))

    def test_what_is_wrong_with_a_response(self):
        with self.serve(http.Response(404), http.Response(200, body=b"x" * 11), http.Response(200, body=b"{")):
            with self.assertRaisesRegex(http.StatusError, "status 404"):
                http.get("https://example.com").raise_for_status()
            with self.assertRaisesRegex(http.TooLarge, "larger than 10 bytes"):
                _ = http.get("https://example.com", bytes_max=10).content
            with self.assertRaises(http.ResponseError):
                http.get("https://example.com").json()
        self.assertEqual(http.Response(200, body=iter([b"ab", b"cd"])).read_up_to(3), (b"abc", False))

    def test_redirects_are_followed_if_wanted(self):
        def to(where: str, status: int = 302) -> http.Response:
            return http.Response(status, {"Location": where})

        with self.serve(to("/b"), to("/b"), to("https://other.example/c#d"), http.Response(200), to("/x"), to("/y")):
            self.assertEqual(http.get("https://example.com/a").status_code, 302)
            secret = {"Authorization": "s", "X": "1"}
            self.assertEqual(http.post("https://example.com/a", data="x", headers=secret, redirects_max=2).url, "https://other.example/c")
            with self.assertRaisesRegex(http.RedirectError, "more than 1"):
                http.get("https://example.com/a", redirects_max=1)
        self.assertEqual([(request.method, request.body) for request in self.requests[1:4]], [("POST", b"x"), ("GET", b""), ("GET", b"")])
        self.assertEqual(self.requests[3].headers, [("X", "1")])
        with self.serve(to("/b", 307), http.Response(200)):
            http.post("https://example.com/a", data="x", redirects_max=1)
        self.assertEqual(self.requests[1].body, b"x")

    def test_what_is_no_url_is_not_sent(self):
        with self.serve():
            for wrong in ("example.com", "ftp://example.com", "https://", "https://a:b@example.com", "https://a:x/"):
                with self.assertRaises(http.InvalidRequest):
                    http.get(wrong)

    def test_what_is_not_granted(self):
        with testing.Grants():
            with self.assertRaisesRegex(http.Denied, "may not be reached from here"):
                http.get("https://example.com")


class TellingTest(unittest.TestCase):
    def test_what_the_host_is_told(self):
        with testing.Grants() as told:
            context = testing.context()
            context.progress(1, 2, "half")
            context.progress(2)
            context.resources_changed()
            context.resource_updated("a://b")
            log = logging.getLogger("mine")
            log.info("%d%%", 5)
            log.log(logs.TRACE, "fine")
            log.warning("%d", "x")
            self.assertTrue(0 < context.time_left() <= 30)
        self.assertEqual(told.progress, [(1.0, 2.0, "half"), (2.0, None, None)])
        self.assertEqual(told.changes, ["resources", "a://b"])
        self.assertEqual(told.logs[:2], [("info", "mine", "5%"), ("trace", "mine", "fine")])
        self.assertIn("cannot be formatted", told.logs[2][2])

    def test_tracebacks_name_causes(self):
        try:
            try:
                [][1]
            except IndexError as error:
                raise ValueError("outer") from error
        except ValueError as error:
            text = logs.traceback_text(error)
        self.assertRegex(
            text, r"(?s)IndexError: list index out of range\n\nwhich led to:\n\nTraceback.*line \d+, in .*\nValueError: outer$"
        )
