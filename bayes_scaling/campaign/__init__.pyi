from .campaign_toml import Campaign as Campaign, read_campaign as read_campaign
from .loop import follow as follow, init as init, step as step
from .state import State as State, status as status
