"""Run one worker of the gateway."""

from services.chassis.service import run
from services.gateway.app import service

run(service)
