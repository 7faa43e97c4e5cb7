"""Rules between the tables, each as a query for the rows that break it: no row is the right answer.

For jobs and operators, which read across organizations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from vitrine.db import Statement
from vitrine.media_types import DOCUMENTS
from vitrine.queries.objects import RegistryEntry

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Broken:
    """One row that breaks a rule: the item's id or key, and the two values that disagree."""

    item: str
    details: str


# In a rule, @v stands for this condition on the table of alias v.
_ORGANIZATION: LiteralString = "(%(organization)s::uuid is null or organization_id = %(organization)s::uuid)"

RULES: dict[str, LiteralString] = {
    "a version's original is live in the object registry, with its bytes": """
        select v.id::text as item,
               format('version: %%s bytes, registry: %%s', v.stored_bytes,
                      coalesce(o.state || ' ' || o.bytes, 'nothing')) as details
          from versions v
          left join objects o on o.organization_id = v.organization_id and o.key = v.key
         where v.key is not null
           and (o.key is null or o.state <> 'live' or o.kind <> 'original' or o.bytes <> v.stored_bytes)
           and @v
    """,
    "a live object belongs to a version: its original, of its generation, or kept for signed URLs": """
        select o.key as item, 'live, but of no version that shows it' as details
          from objects o
         where o.state = 'live'
           and not exists (select from versions v
                            where v.organization_id = o.organization_id
                              and v.id = o.version_id
                              and ((o.kind = 'original' and v.key = o.key)
                                   or (o.kind = 'derived' and v.generation = o.generation
                                       and o.keep_until is null)
                                   or (o.kind = 'derived' and v.generation > o.generation
                                       and o.keep_until is not null)))
           and @o
    """,
    "a frame's pictures are live in the object registry": """
        select f.id::text as item, each.key || ' is ' || coalesce(o.state, 'unknown') as details
          from frames f
         cross join lateral (values (f.key), (f.thumbnail_key)) as each (key)
          left join objects o on o.organization_id = f.organization_id and o.key = each.key
         where (o.key is null or o.state <> 'live')
           and @f
    """,
    "a ready version has frames and a generation unless it is a document, a pending one has none": """
        select v.id::text as item,
               format('%%s, generation %%s, %%s frames', v.processing, v.generation, count(f.id)) as details
          from versions v
          left join frames f on f.organization_id = v.organization_id and f.version_id = v.id
                            and f.generation = v.generation
         where v.key is not null
           and @v
         group by v.organization_id, v.id
        having (v.processing = 'ready' and v.mime_type <> all(%(documents)s)) <> (count(f.id) > 0)
    """,
    "a frame is of its version's generation": """
        select f.id::text as item,
               format('of generation %%s, its version of %%s', f.generation, v.generation) as details
          from frames f
          join versions v on v.organization_id = f.organization_id and v.id = f.version_id
         where f.generation <> v.generation
           and @f
    """,
    "an item shows what its active version is": """
        select m.id::text as item, 'the copy differs from version ' || v.id as details
          from media m
          join versions v on v.organization_id = m.organization_id and v.id = m.active_version_id
         where (m.type, m.filename, m.size_bytes, m.mime_type, m.width, m.height, m.duration, m.sha256,
                m.placeholder, m.processing, m.processing_reason, m.verified_at)
               is distinct from
               (v.type, v.filename, v.size_bytes, v.mime_type, v.width, v.height, v.duration, v.sha256,
                v.placeholder, v.processing, v.processing_reason, v.verified_at)
           and @m
    """,
    "a version's perceptual hash is compared as it is, in its collection": """
        select v.id::text as item, format('hash %%s, compared %%s', v.phash::bigint, h.hash) as details
          from versions v
          join media m on m.organization_id = v.organization_id and m.id = v.media_id
          left join perceptual_hashes h on h.organization_id = v.organization_id and h.version_id = v.id
         where case when v.phash is null then h.version_id is not null
                    else (h.hash, h.sha256, h.type, h.media_id, h.collection_id)
                         is distinct from (v.phash::bigint, v.sha256, v.type, v.media_id, m.collection_id) end
           and @v
    """,
    "a likeness has the distance of its versions' hashes, and names the earlier version as such": """
        select v.version_id::text as item, format('%%s bits from %%s', v.distance, v.earlier_id) as details
          from likenesses v
          join perceptual_hashes later on later.organization_id = v.organization_id
                                      and later.version_id = v.version_id
          join perceptual_hashes earlier on earlier.organization_id = v.organization_id
                                        and earlier.version_id = v.earlier_id
         where (v.distance <> bit_count((later.hash # earlier.hash)::bit(64))
                or v.earlier_id > v.version_id
                or later.type <> earlier.type
                or (v.collection_id, v.collection_id, v.media_id, v.earlier_media_id)
                   <> (later.collection_id, earlier.collection_id, later.media_id, earlier.media_id))
           and @v
    """,
    "an item and its active version are both active, or were deleted together": """
        select m.id::text as item,
               format('%%s, its version %%s', m.status, coalesce(v.status, 'missing')) as details
          from media m
          left join versions v on v.organization_id = m.organization_id and v.media_id = m.id
                              and v.id = m.active_version_id
         where m.type <> 'folder'
           and (v.id is null or v.deletion_id is distinct from m.deletion_id)
           and @m
    """,
    "an item shows its newest ready version, unless somebody selected another": """
        select m.id::text as item,
               format('version %%s is shown, %%s is ready', v.number, newer.number) as details
          from media m
          join versions v on v.organization_id = m.organization_id and v.id = m.active_version_id
          join versions newer on newer.organization_id = m.organization_id
                             and newer.media_id = m.id
                             and newer.id <> v.id
                             and newer.deletion_id is not distinct from m.deletion_id
                             and newer.processing = 'ready'
         where (v.processing <> 'ready' or (newer.number > v.number and not m.version_selected))
           and @m
    """,
    "a version's number is below its item's next one, and version 1 has the item's id": """
        select v.id::text as item,
               format('number %%s of item %%s, whose next is %%s', v.number, v.media_id, m.next_version)
                 as details
          from versions v
          join media m on m.organization_id = v.organization_id and m.id = v.media_id
         where (v.number >= m.next_version or (v.number = 1) <> (v.id = m.id))
           and @v
    """,
    "a deleted version was deleted with its item, or alone": """
        select v.id::text as item, format('by the deletion of a %%s, %%s', d.kind, d.root_id) as details
          from versions v
          join media m on m.organization_id = v.organization_id and m.id = v.media_id
          join deletions d on d.organization_id = v.organization_id and d.id = v.deletion_id
         where ((d.kind = 'version') <> (d.root_id = v.id and v.id <> m.id)
                or (d.kind <> 'version' and d.id is distinct from m.deletion_id)
                or (d.kind = 'version' and d.item_count <> 1))
           and @v
    """,
    "a deleted item has no active version": """
        select v.id::text as item, 'its item is deleted' as details
          from versions v
          join media m on m.organization_id = v.organization_id and m.id = v.media_id
         where m.status = 'deleted'
           and v.status = 'active'
           and @v
    """,
    "the ledger of a version has the bytes of its live objects": """
        select coalesce(l.version_id, o.version_id)::text as item,
               format('ledger: %%s bytes original, %%s derived; registry: %%s, %%s', coalesce(l.original, 0),
                      coalesce(l.derived, 0), coalesce(o.original, 0), coalesce(o.derived, 0)) as details
          from (select organization_id, version_id,
                       sum(delta_bytes) filter (where kind = 'original') as original,
                       sum(delta_bytes) filter (where kind = 'derived') as derived
                  from storage_ledger
                 group by organization_id, version_id) l
          full join (select organization_id, version_id,
                            sum(bytes) filter (where kind = 'original') as original,
                            sum(bytes) filter (where kind = 'derived') as derived
                       from objects
                      where state = 'live'
                      group by organization_id, version_id) o
            on o.organization_id = l.organization_id and o.version_id = l.version_id
         where (coalesce(l.original, 0), coalesce(l.derived, 0))
               <> (coalesce(o.original, 0), coalesce(o.derived, 0))
           and (%(organization)s::uuid is null
                or coalesce(l.organization_id, o.organization_id) = %(organization)s::uuid)
    """,
    "the ledger of a version has the version's state": """
        select l.version_id::text as item,
               format('%%s bytes and %%s originals in %%s, but the version is %%s', sum(l.delta_bytes),
                      sum(l.delta_count), l.state, coalesce(v.status, 'missing')) as details
          from storage_ledger l
          left join versions v on v.organization_id = l.organization_id and v.id = l.version_id
         where @l
         group by l.organization_id, l.version_id, l.state, l.kind, v.status, v.key
        having (l.state <> case v.status when 'active' then 'active' when 'deleted' then 'trash'
                                         else 'none' end
                and (sum(l.delta_bytes) <> 0 or sum(l.delta_count) <> 0))
            or (l.state = case v.status when 'active' then 'active' when 'deleted' then 'trash' end
                and l.kind = 'original' and v.key is not null and sum(l.delta_count) <> 1)
    """,
    "every version with bytes is in the ledger": """
        select v.id::text as item, 'never entered' as details
          from versions v
         where v.key is not null
           and not exists (select from storage_ledger l
                            where l.organization_id = v.organization_id and l.version_id = v.id)
           and @v
    """,
    "folded usage is the sum of the folded ledger": """
        select coalesce(u.organization_id, l.organization_id)::text as item,
               format('%%s %%s: usage %%s bytes, %%s items; ledger %%s, %%s', coalesce(u.kind, l.kind),
                      coalesce(u.state, l.state), coalesce(u.bytes, 0), coalesce(u.items, 0),
                      coalesce(l.bytes, 0), coalesce(l.items, 0)) as details
          from storage_usage u
          full join (select organization_id, kind, state, sum(delta_bytes) as bytes, sum(delta_count) as items
                       from storage_ledger where folded group by organization_id, kind, state) l
            on l.organization_id = u.organization_id and l.kind = u.kind and l.state = u.state
         where (coalesce(u.bytes, 0), coalesce(u.items, 0)) <> (coalesce(l.bytes, 0), coalesce(l.items, 0))
           and (%(organization)s::uuid is null
                or coalesce(u.organization_id, l.organization_id) = %(organization)s::uuid)
    """,
    "kept counts are the numbers of active, verified items in each place": """
        select coalesce(k.place_id, m.place_id)::text as item,
               format('%%s: kept %%s, counted %%s', coalesce(k.type, m.type), coalesce(k.items, 0),
                      coalesce(m.items, 0)) as details
          from (select organization_id, place_id, type, sum(items) as items
                  from (select organization_id, place_id, type, items from counts
                        union all
                        select organization_id, place_id, type, delta
                          from count_ledger
                         where not folded) as each
                 group by organization_id, place_id, type) k
          full join (select organization_id, place_id, type, count(*) as items
                       from media
                      where status = 'active' and verified_at is not null
                      group by organization_id, place_id, type) m
            on m.organization_id = k.organization_id and m.place_id = k.place_id and m.type = k.type
         where coalesce(k.items, 0) <> coalesce(m.items, 0)
           and (%(organization)s::uuid is null
                or coalesce(k.organization_id, m.organization_id) = %(organization)s::uuid)
    """,
    "a collection's kept counts are the sums over its places": """
        select coalesce(c.collection_id, p.collection_id)::text as item,
               format('%%s: collection %%s, places %%s', coalesce(c.type, p.type), coalesce(c.items, 0),
                      coalesce(p.items, 0)) as details
          from collection_counts c
          full join (select organization_id, collection_id, type, sum(items) as items
                       from counts
                      group by organization_id, collection_id, type) p
            on p.organization_id = c.organization_id and p.collection_id = c.collection_id and p.type = c.type
         where coalesce(c.items, 0) <> coalesce(p.items, 0)
           and (%(organization)s::uuid is null
                or coalesce(c.organization_id, p.organization_id) = %(organization)s::uuid)
    """,
    "a folder's path is its parent's and its own id": """
        select m.id::text as item, coalesce(folder.path::text, 'no path') as details
          from media m
          left join folder_paths folder on folder.organization_id = m.organization_id
                                       and folder.folder_id = m.id
          left join folder_paths parent on parent.organization_id = m.organization_id
                                       and parent.folder_id = m.parent_id
         where folder.path is distinct from
               case when m.type <> 'folder' then null
                    else coalesce(case when m.parent_id is null
                                       then text2ltree(replace(m.collection_id::text, '-', ''))
                                       else parent.path end
                                  || replace(m.id::text, '-', ''), '') end
           and @m
    """,
    "an item's parent is a folder, and an active item's parent is active": """
        select m.id::text as item, format('in a %%s %%s', parent.status, parent.type) as details
          from media m
          join media parent on parent.organization_id = m.organization_id and parent.id = m.parent_id
         where (parent.type <> 'folder' or (m.status = 'active' and parent.status = 'deleted'))
           and @m
    """,
    "no active item is in a deleted collection": """
        select m.id::text as item, 'its collection is deleted' as details
          from media m
          join collections c on c.organization_id = m.organization_id and c.id = m.collection_id
         where m.status = 'active'
           and c.status = 'deleted'
           and @m
    """,
    "an upload's state agrees with its version": """
        select p.id::text as item,
               format('%%s, version %%s', p.state, coalesce(v.processing, 'none')) as details
          from uploads p
          left join versions v on v.organization_id = p.organization_id and v.id = p.version_id
         where case
                 -- The item of an import exists before its bytes.
                 when p.state in ('created', 'uploading', 'completing') and p.method = 'import'
                   then v.id is not null and (v.key is not null or v.processing <> 'pending')
                 when p.state in ('created', 'uploading', 'completing', 'aborted', 'expired', 'rejected')
                   then v.id is not null
                 when p.state in ('stored', 'processing') then v.id is null or v.processing <> 'pending'
                 else v.id is not null and v.processing <> p.state
               end
           and @p
    """,
    "a planned object, or one marked for deletion, is no version's original": """
        select o.key as item, o.state || ', but shown' as details
          from objects o
          join versions v on v.organization_id = o.organization_id and v.key = o.key
         where o.state <> 'live'
           and @o
    """,
    "an open upload has its object planned": """
        select p.id::text as item, coalesce(o.state, 'no row') as details
          from uploads p
          left join objects o on o.organization_id = p.organization_id and o.key = p.key
         where p.state in ('created', 'uploading', 'completing')
           and (o.key is null or o.state <> 'planned')
           and @p
    """,
    "a deleted item belongs to a deletion in the trash or being purged": """
        select m.id::text as item, coalesce(d.state, 'no deletion') as details
          from media m
          left join deletions d on d.organization_id = m.organization_id and d.id = m.deletion_id
         where m.status = 'deleted'
           and (d.id is null or d.state not in ('trash', 'purging'))
           and @m
    """,
    "a deleted version belongs to a deletion in the trash or being purged": """
        select v.id::text as item, coalesce(d.state, 'no deletion') as details
          from versions v
          left join deletions d on d.organization_id = v.organization_id and d.id = v.deletion_id
         where v.status = 'deleted'
           and (d.id is null or d.state not in ('trash', 'purging'))
           and @v
    """,
    "a deleted collection belongs to a deletion of itself, in the trash or being purged": """
        select c.id::text as item, coalesce(d.kind || ' ' || d.state, 'no deletion') as details
          from collections c
          left join deletions d on d.organization_id = c.organization_id and d.id = c.deletion_id
         where c.status = 'deleted'
           and (d.id is null or d.kind <> 'collection' or d.root_id <> c.id
                or d.state not in ('trash', 'purging'))
           and @c
    """,
}


def broken(rule: str, organization: UUID | None) -> Statement[Broken]:
    """Select up to 20 rows that break this rule of RULES, in one organization or (None) in all."""
    sql = RULES[rule]
    for alias in ("v", "o", "f", "m", "l", "p", "c"):
        sql = sql.replace(
            f"@{alias}", _ORGANIZATION.replace("organization_id", f"{alias}.organization_id", 1)
        )
    return Statement(
        sql + " limit 20",
        Broken,
        organization=organization,
        documents=sorted(DOCUMENTS),
    )


def registry(organization: UUID | None) -> Statement[RegistryEntry]:
    """Select every row of the object registry, of one organization or (None) of all."""
    return Statement(
        """
        select organization_id, key, kind, upload_id, version_id, generation, bytes, etag, state, keep_until,
               updated_at
          from objects
         where (%(organization)s::uuid is null or organization_id = %(organization)s::uuid)
        """,
        RegistryEntry,
        organization=organization,
    )


@dataclass(frozen=True, slots=True)
class OpenMultipart:
    """A multipart upload that the store has and an open upload uses."""

    store_upload_id: str


def open_multiparts() -> Statement[OpenMultipart]:
    """Select the store's ids of the multipart uploads that belong to open uploads."""
    return Statement(
        """
        select store_upload_id
          from uploads
         where state in ('created', 'uploading', 'completing')
           and store_upload_id is not null
        """,
        OpenMultipart,
    )


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something that waits longer than it should: its kind, its id or key, and since when."""

    what: str
    item: str
    since: str


def stuck() -> Statement[Stuck]:
    """Select up to 200 rows that make no progress, the longest waiting first.

    They are uploads whose processing has stopped, versions whose reprocessing does not happen, objects that
    are neither stored nor deleted, unsent messages, and jobs whose lease has run out.
    """
    return Statement(
        """
        select 'upload ' || state as what, id::text as item, updated_at::text as since
          from uploads
         where state in ('stored', 'processing', 'completing')
           and updated_at < now() - interval '5 minutes'
        union all
        select 'reprocessing of version', id::text, reprocess_requested_at::text
          from versions
         where reprocess_requested_at is not null
           and processing = 'ready'
           and reprocess_requested_at < now() - interval '3 hours'
        union all
        select 'object ' || state, key, updated_at::text
          from objects where state in ('planned', 'deleting') and updated_at < now() - interval '1 day'
        union all
        select 'message for ' || queue, id::text, created_at::text
          from outbox where sent_at is null and created_at < now() - interval '5 minutes'
        union all
        select 'job ' || job, id::text, started_at::text
          from job_runs where finished_at is null and lease_until < now()
         order by since
         limit 200
        """,
        Stuck,
    )
