-- A request that may be sent again: whoever sends it, in an organization or, where the request needs none, outside all.
-- Rows live for a day, so the table is made anew; no row of it has to be of an organization, so it is reached through definer functions only.

drop table idempotency_keys;

create table idempotency_keys (
  user_id         uuid        not null references users (id) on delete cascade,
  organization_id uuid        references organizations (id) on delete cascade,
  route           text        not null,
  key             text        not null check (length(key) between 1 and 255),
  request_hash    bytea       not null check (length(request_hash) = 32),
  locked_until    timestamptz not null,
  answer          jsonb,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  unique nulls not distinct (user_id, organization_id, route, key)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);
comment on column idempotency_keys.organization_id is 'null: the request was made in no organization';
comment on column idempotency_keys.locked_until is 'while the answer is null: how long the request that took the key has it to itself';
comment on column idempotency_keys.answer is 'null until the work is done; a request that failed frees its key';

alter table idempotency_keys enable row level security;
create policy every_request on idempotency_keys to vitrine_worker using (true) with check (true);
grant select, delete on idempotency_keys to vitrine_worker;


create function claim_request(person uuid, organization uuid, route text, key text, request_hash bytea, lease_seconds integer, kept_seconds integer)
  returns table (state text, claim timestamptz, answer jsonb)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  found_hash bytea;
begin
  insert into idempotency_keys as kept (user_id, organization_id, route, key, request_hash, locked_until, expires_at)
  values (person, organization, claim_request.route, claim_request.key, claim_request.request_hash,
          clock_timestamp() + make_interval(secs => lease_seconds), now() + make_interval(secs => kept_seconds))
  on conflict (user_id, organization_id, route, key) do update
     set request_hash = excluded.request_hash, locked_until = excluded.locked_until, expires_at = excluded.expires_at, answer = null, created_at = now()
   where kept.expires_at < now() or (kept.answer is null and kept.locked_until < now())
  returning kept.locked_until into claim;
  if claim is not null then
    state := 'mine';
    return next;
    return;
  end if;

  select kept.request_hash, kept.answer
    into found_hash, answer
    from idempotency_keys kept
   where kept.user_id = person
     and kept.organization_id is not distinct from organization
     and kept.route = claim_request.route
     and kept.key = claim_request.key;
  state := case when found_hash <> claim_request.request_hash then 'other'
                when answer is not null                       then 'answered'
                else                                               'running' end;
  return next;
end $$;
comment on function claim_request is
  'whether this request is to be done now: mine (do it, then finish_request), answered (here is what was said), running (somebody is at it), '
  'other (the key was used for another request)';


create function finish_request(person uuid, organization uuid, route text, key text, claim timestamptz, answer jsonb) returns void
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  if finish_request.answer is null then
    delete from idempotency_keys kept
     where kept.user_id = person and kept.organization_id is not distinct from organization
       and kept.route = finish_request.route and kept.key = finish_request.key and kept.locked_until = claim;
  else
    update idempotency_keys kept set answer = finish_request.answer
     where kept.user_id = person and kept.organization_id is not distinct from organization
       and kept.route = finish_request.route and kept.key = finish_request.key and kept.locked_until = claim;
  end if;
end $$;
comment on function finish_request is 'the answer is kept for whoever sends the request again; null: the key is free again. Without effect where the lease was lost';

revoke execute on function claim_request(uuid, uuid, text, text, bytea, integer, integer), finish_request(uuid, uuid, text, text, timestamptz, jsonb) from public;
grant execute on function claim_request(uuid, uuid, text, text, bytea, integer, integer), finish_request(uuid, uuid, text, text, timestamptz, jsonb) to vitrine_app;
