"""Run one worker of intake; in production only with a key for the pseudonyms, or people could be found by guessing."""

from services.chassis.service import run
from services.chassis.settings import from_environment
from services.intake.app import service

settings = from_environment()
if settings.environment == "production" and not settings.pseudonym_key.get_secret_value():
    raise SystemExit("PSEUDONYM_KEY is empty: pseudonyms could be guessed. Set it to a long random text")
run(service)
