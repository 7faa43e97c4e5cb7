-- Frames that others replaced live on until nobody has a URL of them. The sweep looks for those whose time is over.

create index objects_retired on objects (key) where state = 'live' and kind = 'derived' and hold_until is not null;
