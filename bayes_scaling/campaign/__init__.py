"""Campaigns: small runs chosen and made batch by batch, until a forecast is narrow enough."""

from bayes_scaling.campaign.definition import Campaign, read_campaign
from bayes_scaling.campaign.loop import follow, init, step
from bayes_scaling.campaign.state import State, status

__all__ = ["Campaign", "State", "follow", "init", "read_campaign", "status", "step"]
