-- Functions: API keys of a person. Each takes the person's id and reaches no keys of others; none returns a
-- hash.

create type shown_api_key as (
  id           uuid,
  name         text,
  prefix       text,
  scopes       text[],
  state        text,
  last_used_at timestamptz,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  created_at   timestamptz,
  updated_at   timestamptz
);

create function show_api_key(key api_keys) returns shown_api_key
  language sql stable set search_path = public, pg_temp
as $$
  select key.id, key.name, key.prefix, key.scopes,
         case when key.revoked_at <= now() then 'inactive'
              when key.expires_at <= now() then 'expired'
              else                              'active' end,
         key.last_used_at, key.expires_at, key.revoked_at, key.created_at, key.updated_at
$$;
comment on function show_api_key is
  'a key as its owner may see it, in state active | expired | inactive (which means revoked)';

create function lock_api_keys(person uuid) returns integer
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  -- Of the statement that counts, the snapshot must be taken after the wait: it sees keys that were committed
  -- before.
  perform from users u where u.id = person for no key update;
  return (select count(*)
            from api_keys k
           where k.user_id = person
             and (k.revoked_at is null or k.revoked_at > clock_timestamp())
             and (k.expires_at is null or k.expires_at > clock_timestamp()));
end $$;
comment on function lock_api_keys is
  'lock the keys of this person until the transaction ends, against others who call it; returns how many '
  'are active';

create function api_keys_of(person uuid, max_ended integer) returns setof shown_api_key
  language sql stable security definer set search_path = public, pg_temp
as $$
  (select shown.*
     from api_keys k
    cross join lateral show_api_key(k) shown
    where k.user_id = person
      and shown.state = 'active'
    order by k.created_at desc, k.id desc)
  union all
  (select shown.*
     from api_keys k
    cross join lateral show_api_key(k) shown
    where k.user_id = person
      and shown.state <> 'active'
    order by k.created_at desc, k.id desc
    limit max_ended)
$$;
comment on function api_keys_of is
  'a person''s keys: all active ones, then at most max_ended others; each group the newest first';

create function api_key_of(person uuid, key uuid) returns setof shown_api_key
  language sql stable security definer set search_path = public, pg_temp
as $$
  select shown.*
    from api_keys k
   cross join lateral show_api_key(k) shown
   where k.id = key and k.user_id = person
$$;
comment on function api_key_of is
  'one key of this person; no row: it does not exist, or belongs to somebody else';

create function working_key_scopes(key uuid, person uuid) returns text[]
  language sql stable security definer set search_path = public, pg_temp
as $$
  select k.scopes
    from api_keys k
   where k.id = working_key_scopes.key
     and k.user_id = person
     and (k.revoked_at is null or k.revoked_at > now())
     and (k.expires_at is null or k.expires_at > now())
$$;
comment on function working_key_scopes is
  'the present scopes of this person''s key; null: it was revoked, has expired, or does not exist';

create function put_api_key(
    person uuid, key uuid, name text, prefix text, key_hash bytea, scopes text[], expires_at timestamptz,
    rotated_from uuid, made_by uuid)
  returns setof shown_api_key
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  insert into api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at, rotated_from, made_by)
  values (key, person, put_api_key.name, put_api_key.prefix, put_api_key.key_hash, put_api_key.scopes,
          put_api_key.expires_at, put_api_key.rotated_from,
          coalesce(put_api_key.made_by,
                   (select k.made_by from api_keys k where k.id = put_api_key.rotated_from)));
  update api_keys k set made_by = key where k.made_by = put_api_key.rotated_from and k.id <> key;
  return query select shown.* from api_keys k cross join lateral show_api_key(k) shown where k.id = key;
end $$;
comment on function put_api_key is
  'insert a key of this person, of which only the hash is stored. A key that replaces another becomes the '
  'maker of the keys that the other made, and has the maker of the other unless made_by is given';

create function end_made_keys(maker uuid, at timestamptz, revoked boolean) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with recursive made as (
    select k.id from api_keys k where k.made_by = maker
    union                                         -- not "union all": a key may have rotated its own maker
    select k.id from api_keys k join made on k.made_by = made.id)
  update api_keys k
     set revoked_at = case when revoked then least(k.revoked_at, at) else k.revoked_at end,
         expires_at = case when revoked then k.expires_at else least(k.expires_at, at) end,
         updated_at = now()
    from made
   where k.id = made.id
     and k.id <> maker
     and coalesce(least(k.revoked_at, k.expires_at), 'infinity') > at
$$;
comment on function end_made_keys is
  'the keys that this one made, directly or through others, end at that time at the latest: revoked, or '
  'expired';

create function change_api_key(
    person uuid, key uuid, name text, scopes text[], expires_at timestamptz, prolonged boolean, made_by uuid)
  returns setof shown_api_key
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  update api_keys k
     set name = change_api_key.name, scopes = change_api_key.scopes, expires_at = change_api_key.expires_at,
         updated_at = now(), made_by = case when prolonged then change_api_key.made_by else k.made_by end
   where k.id = key
     and k.user_id = person;
  if found and change_api_key.expires_at is not null then
    perform end_made_keys(key, change_api_key.expires_at, false);
  end if;
  return query
    select shown.*
      from api_keys k
     cross join lateral show_api_key(k) shown
     where k.id = key and k.user_id = person;
end $$;
comment on function change_api_key is
  'set all that may be changed of a key; one that is prolonged ends from then on with the key made_by, if '
  'any. No row: it does not exist, or belongs to somebody else';

create function end_api_key(person uuid, key uuid, seconds integer) returns setof shown_api_key
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  -- Locked, because the key may be making another one at this moment.
  perform from users u where u.id = person for no key update;
  update api_keys k
     set revoked_at = least(k.revoked_at, now() + make_interval(secs => seconds)),
         updated_at = case when k.revoked_at <= now() then k.updated_at else now() end
   where k.id = key
     and k.user_id = person;
  if found then
    perform end_made_keys(key, now() + make_interval(secs => seconds), true);
  end if;
  return query
    select shown.*
      from api_keys k
     cross join lateral show_api_key(k) shown
     where k.id = key and k.user_id = person;
end $$;
comment on function end_api_key is
  'revoke the key, and the keys that it made, in so many seconds, never later than they would end anyway. '
  'No row: it does not exist, or belongs to somebody else';

grant execute on function lock_api_keys(uuid), api_keys_of(uuid, integer), api_key_of(uuid, uuid),
                          put_api_key(uuid, uuid, text, text, bytea, text[], timestamptz, uuid, uuid),
                          change_api_key(uuid, uuid, text, text[], timestamptz, boolean, uuid),
                          end_api_key(uuid, uuid, integer) to vitrine_app;
grant execute on function working_key_scopes(uuid, uuid) to vitrine_app, vitrine_worker;
