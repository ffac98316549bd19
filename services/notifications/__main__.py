"""Run one worker of notifications, unless it is told something about mail that cannot be meant."""

from services.chassis.service import run
from services.chassis.settings import from_environment
from services.notifications import settings
from services.notifications.app import service

settings.from_environment(from_environment().environment)
run(service)
