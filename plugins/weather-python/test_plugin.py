"""The plugin as the host sees it, with a weather server that is a function."""

import json
import unittest
from typing import Any
from urllib.parse import parse_qs, urlsplit

import plugin
from toolyard import Audio, EmbeddedResource, Image, NotFound, Retryable, Text, ToolError, http, testing

DAILY = {
    "time": ["2026-11-21", "2026-11-22"],
    "temperature_2m_max": [7.5, -0.5],
    "temperature_2m_min": [2, -3.6],
    "precipitation_probability_max": [40, None],
}


class WeatherServer:
    """Answers as the two services do; `answers` replaces answers by their paths."""

    def __init__(self, **answers: http.Response | Exception):
        self.answers = answers
        self.urls: list[str] = []

    def __call__(self, request: http.Request) -> http.Response:
        assert request.headers == [("Accept", "application/json")]
        self.urls.append(request.url)
        url = urlsplit(request.url)
        found = self.answers.get(url.path.rpartition("/")[2])
        if isinstance(found, Exception):
            raise found
        if found:
            return found
        if url.path == "/v1/search":
            return answer({"results": [{"name": parse_qs(url.query)["name"][0].title(), "latitude": 52.52, "longitude": 13.0}]})
        return answer({"daily": DAILY})


def answer(value: Any, status: int = 200) -> http.Response:
    return http.Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


def granted(**answers: http.Response | Exception) -> testing.Grants:
    return testing.Grants(keyvalue=True, http=WeatherServer(**answers))


class ConvertTest(unittest.TestCase):
    def test_temperatures_are_converted(self):
        for value, unit, to, expected in [
            (20, "celsius", "fahrenheit", 68),
            (0, "kelvin", "celsius", -273),
            (0, "kelvin", "kelvin", 0),
            (-40, "fahrenheit", "celsius", -40),
            (100, "celsius", "kelvin", 373),
            (-459, "fahrenheit", "kelvin", 0),
        ]:
            with self.subTest(value=value, unit=unit):
                result = testing.call("convert", {"value": value, "from": unit, "to": to})
                self.assertEqual(result.structured, f'{{"value":{expected},"unit":"{to}"}}')

    def test_nothing_is_colder_than_nothing(self):
        for value, unit in [(-1, "kelvin"), (-274, "celsius"), (-460, "fahrenheit")]:
            with self.assertRaisesRegex(ToolError, "^That is below absolute zero.$"):
                testing.call("convert", {"value": value, "from": unit, "to": "celsius"})


class ForecastTest(unittest.TestCase):
    def forecast(self, **arguments: Any) -> Any:
        return json.loads(testing.call("forecast", {"place": "berlin", **arguments}).structured or "")

    def test_a_forecast(self):
        server = WeatherServer()
        with testing.Grants({"api": "https://a.example"}, True, server) as told:
            found = self.forecast(days=2)
        days = [
            {"date": "2026-11-21", "high": 8, "low": 2, "rain": 40},
            {"date": "2026-11-22", "high": 0, "low": -4, "rain": 0},
        ]
        self.assertEqual(found, {"place": "Berlin", "unit": "celsius", "days": days})
        search, forecast = server.urls
        self.assertEqual(search, "https://geocoding-api.open-meteo.com/v1/search?name=berlin&count=1")
        expected = (
            "https://a.example/v1/forecast?latitude=52.52&longitude=13&daily=temperature_2m_max,temperature_2m_min,"
            "precipitation_probability_max&timezone=UTC&forecast_days=2&temperature_unit=celsius"
        )
        self.assertEqual(forecast, expected)
        self.assertEqual(told.logs, [("info", "weather", "forecast of 2 days for Berlin")])
        self.assertEqual([step[2] for step in told.progress], ["looking for the place", "asking for the forecast", "done"])

    def test_a_kept_place_is_not_looked_up(self):
        server = WeatherServer()
        with testing.Grants(keyvalue=True, http=server):
            testing.call("save_place", {"name": "Home", "latitude": 1e-7, "longitude": -12.5})
            self.assertEqual(self.forecast(place="Home")["place"], "Home")
        self.assertEqual(len(server.urls), 1)
        self.assertIn("latitude=0.0000001&longitude=-12.5&", server.urls[0])

    def check_error(self, message: str, kind: type = ToolError, **answers: http.Response | Exception) -> None:
        with granted(**answers):
            with self.assertRaises(ToolError) as caught:
                self.forecast()
        self.assertEqual((caught.exception.message, type(caught.exception)), (message, kind))

    def test_what_can_go_wrong(self):
        self.check_error("There is no place called berlin.", search=answer({"generationtime_ms": 1}))
        self.check_error("There is no place called berlin.", search=answer({"results": []}))
        self.check_error("The weather service answered with status 503.", Retryable, forecast=answer({}, 503))
        self.check_error("The weather service answered with status 429.", Retryable, search=answer({}, 429))
        self.check_error("The weather service answered with status 404.", forecast=answer({}, 404))
        self.check_error("The weather service cannot be reached.", search=http.Denied("this address may not be reached from here"))
        self.check_error("The weather service cannot be reached.", forecast=http.Timeout("the server took too long"))

    def test_what_is_not_understood(self):
        said = "The weather service gave an answer that is not understood."
        for odd in ([1], {"results": 1}, {"results": [{}]}, {"results": [{"name": 1, "latitude": 1, "longitude": 1}]}):
            self.check_error(said, search=answer(odd))
        for odd in (
            [],
            {},
            {"daily": {**DAILY, "time": ["x"]}},
            {"daily": {**DAILY, "temperature_2m_max": [None, 1]}},
            {"daily": {"time": []}},
        ):
            self.check_error(said, forecast=answer(odd))
        self.check_error(said, forecast=http.Response(200, body=b"<html>"))


class PlacesTest(unittest.TestCase):
    def test_places_are_kept_and_forgotten(self):
        with granted() as told:
            self.assertEqual(testing.call("forget_places").content, [Text("There is nothing to forget.")])
            for name in ("Rome", "Bad Ems"):
                saved = testing.call("save_place", {"name": name, "latitude": 50.0, "longitude": 7.7})
                self.assertEqual(saved.content, [Text(f"Saved {name}.")])
            self.assertEqual(told.changes, ["resources", "resources"])
            self.assertEqual(testing.call("places").structured, '{"places":["Bad Ems","Rome"]}')
            uris = [each.uri for each in testing.listed()]
            self.assertEqual(uris, ["weather://about", "weather://places/Bad%20Ems", "weather://places/Rome"])
            self.assertEqual(testing.read(uris[1])[0].data, '{"latitude":50,"longitude":7.7}')
            self.assertEqual(testing.complete("place", "B", prompt="packing_list").values, ["Bad Ems"])
            asked: list[Any] = []

            def no(key: str, kind: str, said: Any) -> Any:
                asked.append((key, said[0]))
                return testing.accept({"forget": False})

            self.assertEqual(testing.converse("forget_places", {}, no).content, [Text("Kept everything.")])
            self.assertEqual(asked, [("sure", "Forget 2 places?")])
            self.assertEqual(testing.converse("forget_places", {}, lambda *_: testing.decline()).content, [Text("Kept everything.")])
            yes = testing.converse("forget_places", {}, lambda *_: testing.accept({"forget": True}))
            self.assertEqual(yes.content, [Text("Forgot 2 places.")])
            self.assertEqual(testing.call("places").structured, '{"places":[]}')
            with self.assertRaises(NotFound):
                testing.read(uris[1])

    def test_about(self):
        self.assertEqual(testing.read("weather://about")[0].data, "Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0.")


class OthersTest(unittest.TestCase):
    def test_a_chart(self):
        text, image, sound, link, table = testing.call("chart", {"highs": [9, -2]}).content
        assert isinstance(text, Text) and isinstance(image, Image) and isinstance(sound, Audio) and isinstance(table, EmbeddedResource)
        self.assertEqual((text.text, text.annotations and text.annotations.audience), ("Highest 9, lowest -2.", ["user"]))
        bars = b'<rect x="0" y="51" width="18" height="69"/><rect x="20" y="62" width="18" height="58"/>'
        self.assertEqual(image.data, b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="120">' + bars + b"</svg>")
        self.assertEqual((len(sound.data), sound.data[:4], sound.data[36:40]), (44, b"RIFF", b"data"))
        self.assertEqual((table.contents.uri, table.contents.data), ("weather://chart", "9,-2\n"))

    def test_now_and_whoami(self):
        first, second = (json.loads(testing.call("now").structured or "") for _ in range(2))
        self.assertNotEqual(first["random"], second["random"])
        self.assertLessEqual(first["time_ms"], second["time_ms"])
        self.assertEqual(testing.call("whoami").structured, '{"tenant":"default","client":null,"attempt":1}')

    def test_crash(self):
        with self.assertRaises(IndexError):
            plugin.crash()

    def test_the_prompt(self):
        for arguments, days in (({"place": "Rome"}, 3), ({"place": "Rome", "days": "5"}, 5)):
            said = testing.get_prompt("packing_list", arguments).messages[0].content
            self.assertEqual(said, Text(f"What should I pack for {days} days in Rome? Ask the tool forecast for the weather."))


if __name__ == "__main__":
    unittest.main()
