"""Run one worker of programmes."""

from services.chassis.service import run
from services.programmes.app import service

run(service)
