-- API keys, in the hands of the person they belong to. Each function takes that person's id, and reaches no other's keys; none gives a hash away.

create index api_keys_by_origin on api_keys (rotated_from) where rotated_from is not null;   -- a key that goes is looked for here
comment on column api_keys.revoked_at is 'it does not work from then on; in the future: it was rotated, and works as long as that';
comment on column api_keys.rotated_from is 'the key in whose place this one came';

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

create function show_api_key(kept api_keys) returns shown_api_key
  language sql stable set search_path = public, pg_temp
as $$
  select kept.id, kept.name, kept.prefix, kept.scopes,
         case when kept.revoked_at <= now() then 'inactive'
              when kept.expires_at <= now() then 'expired'
              else                               'active' end,
         kept.last_used_at, kept.expires_at, kept.revoked_at, kept.created_at, kept.updated_at
$$;
comment on function show_api_key is 'a key as its owner may see it: active | expired | inactive, the last of which means revoked';


create function hold_api_keys(person uuid) returns integer
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  perform from users u where u.id = person for no key update;   -- what is counted next was committed before
  return (select count(*)
            from api_keys k
           where k.user_id = person
             and (k.revoked_at is null or k.revoked_at > clock_timestamp())
             and (k.expires_at is null or k.expires_at > clock_timestamp()));
end $$;
comment on function hold_api_keys is 'how many keys of this person work; until the transaction ends, no other that holds them makes or changes one';

create function api_keys_of(person uuid, most_ended integer) returns setof shown_api_key
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
    limit most_ended)
$$;
comment on function api_keys_of is 'a person''s keys: those that work, then so many of the others; the newest first';

create function api_key_of(person uuid, key uuid) returns setof shown_api_key
  language sql stable security definer set search_path = public, pg_temp
as $$
  select shown.* from api_keys k cross join lateral show_api_key(k) shown where k.id = key and k.user_id = person
$$;
comment on function api_key_of is 'one key of this person; no row: there is none, or it is another''s';

create function put_api_key(
    person uuid, key uuid, name text, prefix text, key_hash bytea, scopes text[], expires_at timestamptz, rotated_from uuid)
  returns setof shown_api_key
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with put as (
    insert into api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at, rotated_from)
    values (key, person, put_api_key.name, put_api_key.prefix, put_api_key.key_hash, put_api_key.scopes, put_api_key.expires_at,
            put_api_key.rotated_from)
    returning *
  )
  select shown.* from put cross join lateral show_api_key(put::api_keys) shown
$$;
comment on function put_api_key is 'a new key of this person, of which only the hash is kept';

create function change_api_key(person uuid, key uuid, name text, scopes text[], expires_at timestamptz) returns setof shown_api_key
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with changed as (
    update api_keys k
       set name = change_api_key.name, scopes = change_api_key.scopes, expires_at = change_api_key.expires_at, updated_at = now()
     where k.id = key
       and k.user_id = person
    returning k.*
  )
  select shown.* from changed cross join lateral show_api_key(changed::api_keys) shown
$$;
comment on function change_api_key is 'what may be changed of a key, all of it; no row: there is none, or it is another''s';

create function end_api_key(person uuid, key uuid, seconds integer) returns setof shown_api_key
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with ended as (
    update api_keys k
       set revoked_at = least(k.revoked_at, now() + make_interval(secs => seconds)),
           updated_at = case when k.revoked_at <= now() then k.updated_at else now() end
     where k.id = key
       and k.user_id = person
    returning k.*
  )
  select shown.* from ended cross join lateral show_api_key(ended::api_keys) shown
$$;
comment on function end_api_key is 'the key works for so many seconds more, never longer than it would have; no row: there is none, or it is another''s';

revoke execute on function show_api_key(api_keys), hold_api_keys(uuid), api_keys_of(uuid, integer), api_key_of(uuid, uuid),
                           put_api_key(uuid, uuid, text, text, bytea, text[], timestamptz, uuid),
                           change_api_key(uuid, uuid, text, text[], timestamptz),
                           end_api_key(uuid, uuid, integer) from public;
grant execute on function hold_api_keys(uuid), api_keys_of(uuid, integer), api_key_of(uuid, uuid),
                          put_api_key(uuid, uuid, text, text, bytea, text[], timestamptz, uuid),
                          change_api_key(uuid, uuid, text, text[], timestamptz),
                          end_api_key(uuid, uuid, integer) to vitrine_app;
