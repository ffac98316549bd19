"""Run one worker of referral."""

from services.chassis.service import run
from services.referral.app import service

run(service)
