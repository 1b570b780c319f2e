"""The weather: temperatures, forecasts and places, by way of each part of the SDK."""

import logging
import math
import random
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import quote

from toolyard import (
    Annotations,
    Arg,
    Audio,
    Content,
    Context,
    EmbeddedResource,
    Form,
    Image,
    Resource,
    ResourceLink,
    Retryable,
    Text,
    ToolError,
    completion,
    config,
    http,
    prompt,
    resource,
    resources,
    tool,
)
from toolyard.keyvalue import Store

log = logging.getLogger("weather")

Unit = Literal["celsius", "fahrenheit", "kelvin"]
ForecastUnit = Literal["celsius", "fahrenheit"]

NOT_UNDERSTOOD = "The weather service gave an answer that is not understood."
# The keys of places begin with this.
PLACE = "place."


@dataclass
class Temperature:
    value: Annotated[int, "The converted temperature."]
    unit: Annotated[Unit, "Its unit."]


@tool(title="Convert a temperature", read_only=True, idempotent=True, open_world=False)
def convert(
    value: Annotated[int, Arg("The temperature.", ge=-1_000_000, le=1_000_000)],
    from_: Annotated[Unit, "Its unit."],
    to: Annotated[Unit, "The unit wanted."],
) -> Temperature:
    """Converts a temperature from one unit to another."""
    celsius = {"celsius": value, "fahrenheit": (value - 32) * 5 / 9, "kelvin": value - 273.15}[from_]
    # Where nothing is converted, nothing is lost by rounding.
    kelvin = value if from_ == "kelvin" else celsius + 273.15
    if kelvin < 0:
        raise ToolError("That is below absolute zero.")
    converted = {"celsius": celsius, "fahrenheit": celsius * 9 / 5 + 32, "kelvin": kelvin}[to]
    return Temperature(rounded(converted), to)


@dataclass
class Day:
    date: Annotated[str, "The date, as YYYY-MM-DD."]
    high: Annotated[int, "The highest temperature."]
    low: Annotated[int, "The lowest temperature."]
    rain: Annotated[int, "How likely rain is, in percent."]


@dataclass
class Forecast:
    place: Annotated[str, "The place that was found."]
    unit: Annotated[ForecastUnit, "The unit of the temperatures."]
    days: Annotated[list[Day], "A day each."]


@tool(read_only=True, open_world=True)
def forecast(
    context: Context,
    place: Annotated[str, Arg("The name of a city.", min_length=1)],
    days: Annotated[int, Arg("How many days.", ge=1, le=7)] = 3,
    unit: Annotated[ForecastUnit, "The unit of the temperatures."] = "celsius",
) -> Forecast:
    """Gives the weather of the coming days at a place."""
    context.progress(1, 3, "looking for the place")
    name, latitude, longitude = found(place)
    context.progress(2, 3, "asking for the forecast")
    base = config.get("api", "https://api.open-meteo.com")
    answer = asked(
        f"{base}/v1/forecast?latitude={shortest(latitude)}&longitude={shortest(longitude)}"
        "&daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max"
        f"&timezone=UTC&forecast_days={days}&temperature_unit={unit}"
    )
    result = Forecast(name, unit, read_days(answer))
    log.info("forecast of %d days for %s", days, name)
    context.progress(3, 3, "done")
    return result


def found(place: str) -> tuple[str, float, float]:
    """A place's name and where it is: as it was kept, or as the weather service knows it."""
    kept = Store().get_json(PLACE + place)
    if kept is not None:
        return place, kept["latitude"], kept["longitude"]
    base = config.get("geocoding", "https://geocoding-api.open-meteo.com")
    answer = asked(f"{base}/v1/search?name={quote(place, safe='')}&count=1")
    try:
        results = answer.get("results")
        if not results:
            raise ToolError(f"There is no place called {place}.")
        name, latitude, longitude = (results[0][key] for key in ("name", "latitude", "longitude"))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ToolError(NOT_UNDERSTOOD) from error
    if not isinstance(name, str) or not is_number(latitude) or not is_number(longitude):
        raise ToolError(NOT_UNDERSTOOD)
    return name, latitude, longitude


def asked(url: str) -> Any:
    """What the weather service answers."""
    try:
        response = http.get(url, headers={"Accept": "application/json"})
        if response.status_code == 429 or response.status_code >= 500:
            raise Retryable(f"The weather service answered with status {response.status_code}.", 1000)
        if response.status_code != 200:
            raise ToolError(f"The weather service answered with status {response.status_code}.")
        return response.json()
    except (http.ResponseError, http.TooLarge) as error:
        log.warning("%s", error)
        raise ToolError(NOT_UNDERSTOOD) from error
    except http.Error as error:
        log.warning("%s", error)
        raise ToolError("The weather service cannot be reached.") from error


def read_days(answer: Any) -> list[Day]:
    try:
        daily = answer["daily"]
        columns = [daily["time"], daily["temperature_2m_max"], daily["temperature_2m_min"], daily["precipitation_probability_max"]]
        rows = list(zip(*columns, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError(NOT_UNDERSTOOD) from error
    days = []
    for date, high, low, rain in rows:
        rain = 0 if rain is None else rain
        if not isinstance(date, str) or not all(map(is_number, (high, low, rain))):
            raise ToolError(NOT_UNDERSTOOD)
        days.append(Day(date, rounded(high), rounded(low), rounded(rain)))
    return days


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def rounded(value: float) -> int:
    return math.floor(value + 0.5)


def shortest(value: float) -> str:
    """A number in as few digits as say it, without an exponent."""
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


@tool(idempotent=True, destructive=False, open_world=False)
def save_place(
    context: Context,
    name: Annotated[str, Arg("What to call it.", min_length=1, max_length=50)],
    latitude: Annotated[float, Arg("Degrees north.", ge=-90, le=90)],
    longitude: Annotated[float, Arg("Degrees east.", ge=-180, le=180)],
) -> str:
    """Keeps a place under a name."""
    Store().set(PLACE + name, f'{{"latitude":{shortest(latitude)},"longitude":{shortest(longitude)}}}')
    context.resources_changed()
    return f"Saved {name}."


def kept_places() -> list[str]:
    return sorted(key.removeprefix(PLACE) for key in Store().keys() if key.startswith(PLACE))


@dataclass
class Places:
    places: Annotated[list[str], "Their names."]


@tool(read_only=True, open_world=False)
def places() -> Places:
    """Lists the places that were kept."""
    return Places(kept_places())


@dataclass
class Sure:
    forget: Annotated[bool, "Whether to forget them."]


@tool(destructive=True, open_world=False)
def forget_places(context: Context) -> str:
    """Forgets all places that were kept, if the user agrees."""
    kept = kept_places()
    if not kept:
        return "There is nothing to forget."
    answer = context.ask("sure", Form(f"Forget {len(kept)} places?", Sure))
    if not answer.accepted or not answer.get().forget:
        return "Kept everything."
    Store().delete_many([PLACE + name for name in kept])
    return f"Forgot {len(kept)} places."


@tool(read_only=True, idempotent=True, open_world=False)
def chart(
    highs: Annotated[list[Annotated[int, Arg(ge=-60, le=60)]], Arg("The temperatures.", min_length=1, max_length=14)],
) -> list[Content]:
    """Draws temperatures as bars."""
    bars = "".join(f'<rect x="{20 * i}" y="{60 - value}" width="18" height="{value + 60}"/>' for i, value in enumerate(highs))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{20 * len(highs)}" height="120">{bars}</svg>'
    return [
        Text(f"Highest {max(highs)}, lowest {min(highs)}.", Annotations(["user"], 0.5)),
        Image(svg.encode(), "image/svg+xml"),
        Audio(silence(), "audio/wav"),
        ResourceLink("weather://about", "about", mime_type="text/plain"),
        EmbeddedResource.of("weather://chart", "text/csv", ",".join(map(str, highs)) + "\n"),
    ]


def silence() -> bytes:
    """A WAV file with nothing in it: mono, 8 bits, 8000 Hz."""
    rate = (8000).to_bytes(4, "little")
    layout = b"fmt \x10\0\0\0\x01\0\x01\0" + rate + rate + b"\x01\0\x08\0"
    return b"RIFF" + (36).to_bytes(4, "little") + b"WAVE" + layout + b"data\0\0\0\0"


@dataclass
class Now:
    random: Annotated[int, "A random number."]
    time_ms: Annotated[int, "Milliseconds since 1970."]


@tool(open_world=False)
def now() -> Now:
    """Gives a random number and the time."""
    return Now(random.randrange(2**31), time.time_ns() // 1_000_000)


@dataclass
class Caller:
    tenant: Annotated[str, "The tenant."]
    client: Annotated[str | None, "The client's name."]
    attempt: Annotated[int, "How often it was tried."]


@tool(read_only=True, open_world=False)
def whoami(context: Context) -> Caller:
    """Says who is calling."""
    return Caller(context.tenant, context.client.name, context.attempt)


@tool
def crash() -> str:
    """Fails in a way that nobody thought of."""
    nobody: list[str] = []
    return nobody[0]


@resource("weather://about", mime_type="text/plain")
def about() -> str:
    """Where the forecasts come from."""
    return "Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0."


@resource("weather://places/{name}", mime_type="application/json")
def place(name: str) -> str | None:
    """A place that was kept."""
    kept = Store().get(PLACE + name)
    return None if kept is None else kept.decode()


@resources
def listed() -> list[Resource]:
    return [Resource(f"weather://places/{quote(name, safe='')}", name, mime_type="application/json") for name in kept_places()]


@prompt
def packing_list(
    place: Annotated[str, "Where to."],
    days: Annotated[str, "How many days."] = "3",
) -> str:
    """What to pack for a trip."""
    return f"What should I pack for {days} days in {place}? Ask the tool forecast for the weather."


@completion(prompt="packing_list", argument="place")
def places_to_pack_for(value: str) -> list[str]:
    return [name for name in kept_places() if name.startswith(value)]
