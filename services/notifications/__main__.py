"""Run one worker of notifications."""

from services.chassis.service import run
from services.notifications.app import service

run(service)
