-- People, their organizations and roles, and their credentials. Ids are UUID version 7, made by the code.
--
-- users, sessions, device_codes and api_keys have no organization, so no role is granted them: `security
-- definer` functions read and write them. Row-level security is enabled all the same: a grant by mistake
-- would show no row.

create table users (
  id              uuid        primary key,
  email           text        collate "C" not null unique check (length(email) <= 320)
                              check (email = lower(email collate "C")),
  email_verified  boolean     not null default false,
  name            text        not null check (length(name) between 1 and 255),
  image           text,
  password_hash   text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now()
);
alter table users enable row level security;
comment on column users.email is
  'in Unicode form NFC with the letters a to z in lower case, compared byte by byte: a folding by the '
  'database''s locale could not be repeated by the code';
comment on column users.password_hash is 'argon2id in PHC form; null where the person has no password';


-- Organizations.

create table organizations (
  id          uuid        primary key,
  name        text        not null check (length(name) between 1 and 100),
  slug        text        not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  quota_bytes bigint      check (quota_bytes >= 0),
  settings    jsonb       not null default '{}',
  deleted_at  timestamptz,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);
alter table organizations enable row level security;
create policy one_tenant on organizations to vitrine_app
  using (id = any ((select opened_organizations())::uuid[]));
create policy every_tenant on organizations to vitrine_worker using (true);
grant select on organizations to vitrine_app, vitrine_worker;
comment on table  organizations is 'a tenant; the v1 API calls it a team';
comment on column organizations.quota_bytes is
  'limits the bytes that are active or in the trash plus those that open uploads reserve; null: no limit';

-- Memberships and invitations are written by the functions of 0008_members.sql alone.
create table memberships (
  organization_id uuid        not null references organizations (id) on delete cascade,
  user_id         uuid        not null references users (id) on delete cascade,
  role            text        not null check (role in ('owner', 'admin', 'editor', 'member', 'viewer')),
  joined_at       timestamptz not null default now(),
  invited_by      uuid,
  primary key (organization_id, user_id)
);
create index memberships_by_user on memberships (user_id, joined_at, organization_id);
select tenant_table('memberships');
grant select on memberships to vitrine_app, vitrine_worker;

create table invitations (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  email           text        collate "C" not null check (length(email) <= 320)
                              check (email = lower(email collate "C")),
  role            text        not null check (role in ('owner', 'admin', 'editor', 'member', 'viewer')),
  token_hash      bytea       not null unique check (length(token_hash) = 32),
  status          text        not null default 'pending'
                              check (status in ('pending', 'accepted', 'canceled')),
  invited_by      uuid        not null,
  accepted_by     uuid,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  unique (organization_id, id),
  check ((status = 'accepted') = (accepted_by is not null))
);
create unique index invitations_one_pending on invitations (organization_id, email) where status = 'pending';
create index invitations_newest on invitations (organization_id, created_at desc, id desc);
create index invitations_by_inviter on invitations (organization_id, invited_by) where status = 'pending';
select tenant_table('invitations');
grant select on invitations to vitrine_app, vitrine_worker;
comment on table  invitations is
  'who may join an organization by showing a token; a new invitation of an address replaces its pending one';
comment on column invitations.token_hash is 'SHA-256 of the token; the token itself is never stored';
comment on column invitations.status is 'an expired invitation stays pending: compare expires_at';

create table audit_log (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  actor           uuid        not null,
  operation       text        not null,
  item_id         uuid,
  details         jsonb       not null default '{}',
  at              timestamptz not null default now(),
  unique (organization_id, id)
);
create index audit_log_newest on audit_log (organization_id, at desc, id);
select tenant_table('audit_log');
grant select, insert on audit_log to vitrine_app, vitrine_worker;
comment on column audit_log.actor is
  'the id of the person who acted; the id of zeros: an operator. No foreign key, because entries outlive '
  'persons';


-- Credentials.

create table sessions (
  id                     uuid        primary key,
  token_hash             bytea       not null unique check (length(token_hash) = 32),
  user_id                uuid        not null references users (id) on delete cascade,
  active_organization_id uuid        references organizations (id) on delete set null,
  ip_address             text,
  user_agent             text,
  created_at             timestamptz not null default now(),
  expires_at             timestamptz not null,
  life_seconds           integer     not null default 604800 check (life_seconds > 0)
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);
alter table sessions enable row level security;
comment on column sessions.token_hash is 'SHA-256 of the token; the token itself is never stored';
comment on column sessions.life_seconds is
  'how long the session is valid after its last use; expires_at is moved at most once a day';

create table device_codes (
  id               uuid        primary key,
  device_code_hash bytea       not null unique check (length(device_code_hash) = 32),
  user_code        text        not null unique,
  client_id        text        not null,
  scope            text        not null default '',
  status           text        not null default 'pending' check (status in ('pending', 'approved', 'denied')),
  user_id          uuid        references users (id) on delete cascade,
  session_id       uuid        references sessions (id) on delete cascade,
  interval_seconds integer     not null default 5,
  polled_at        timestamptz,
  created_at       timestamptz not null default now(),
  expires_at       timestamptz not null
);
create index device_codes_by_expiry on device_codes (expires_at);
create index device_codes_by_session on device_codes (session_id) where session_id is not null;
create index device_codes_by_person on device_codes (user_id) where user_id is not null;
alter table device_codes enable row level security;
comment on table  device_codes is 'a sign-in at a device without a browser (RFC 8628)';
comment on column device_codes.user_code is
  'the code that a person types, without dashes; useless without a session of that person';
comment on column device_codes.session_id is
  'the session that approved the sign-in: a code that is not redeemed ends with it. Null: not approved';
comment on column device_codes.polled_at is 'the last poll that was not too early; null: none yet';

create table api_keys (
  id           uuid        primary key,
  user_id      uuid        not null references users (id) on delete cascade,
  name         text        not null check (length(name) between 1 and 100),
  prefix       text        not null check (length(prefix) = 16),
  key_hash     bytea       not null unique check (length(key_hash) = 32),
  scopes       text[]      not null check (cardinality(scopes) >= 1),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  rotated_from uuid        references api_keys (id) on delete set null,
  made_by      uuid        references api_keys (id) on delete set null,
  last_used_at timestamptz,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now()
);
create index api_keys_by_user on api_keys (user_id);
create index api_keys_by_origin on api_keys (rotated_from) where rotated_from is not null;
create index api_keys_by_maker on api_keys (made_by) where made_by is not null;
alter table api_keys enable row level security;
comment on column api_keys.prefix is 'the first 16 characters, to recognize a key by';
comment on column api_keys.key_hash is 'SHA-256 of the whole key';
comment on column api_keys.revoked_at is
  'the key does not work from then on; a time in the future: the key was rotated and works until then';
comment on column api_keys.rotated_from is 'the key that this one replaced';
comment on column api_keys.made_by is
  'the key that created this one, which never works longer than that; null: a signed-in person or an '
  'operator';
comment on column api_keys.last_used_at is 'written at most every five minutes';
