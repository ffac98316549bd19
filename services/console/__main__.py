"""Run one worker of the console, unless it is told an address that cannot be meant."""

from services.chassis.service import run
from services.chassis.settings import from_environment
from services.console import settings
from services.console.app import service

settings.check(from_environment().environment)
run(service)
