// SPDX-License-Identifier: Apache-2.0
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import {
  chain,
  createMerkleTree,
  createRowIdMint,
  draftText,
  formatCheckpoint,
  formatMicros,
  formatVerifierKey,
  genesis,
  logName,
  signNote,
  verifierKey,
  type Clean,
  type Draft,
  type DraftEnvelope,
  type Head,
  type JsonObject,
  type MerkleTree,
  type StreamName,
} from 'fasten/core'
import { ed25519Pair, sha256 } from 'fasten/store'
import { orderNumber } from './order.ts'

/** What a fleet is filled with: every node answers so many requests, spread evenly over a span of time that ends at `endMicros`. */
export interface FleetShape {
  readonly nodes: number
  /** Of each node. Every request leaves `rowsOfRequest` rows. */
  readonly requests: number
  readonly endMicros: number
  readonly spanMicros: number
}

/** One access, three audit rows, one line of log. */
export const rowsOfRequest: Readonly<Record<StreamName, number>> = { audit: 3, api: 1, sys: 1 }
export const actors = 20_000
export const commonCode = 'ORDER_PLACED'
/** One row in some thousands. */
export const rareCode = 'REFUND_DENIED'
const codes = [commonCode, 'ORDER_PAID', 'STOCK_TAKEN'] as const
const routes = ['/orders', '/orders/:id', '/stock/:id', '/customers/:id', '/refunds'] as const

export interface FleetRow {
  readonly leaf: Uint8Array
  readonly hash: string
  readonly seq: number
  readonly micros: number
}

/** One node's three logs, as its own store would have written them. */
export interface FleetNode {
  readonly source_node_id: string
  readonly tenant: string
  /** Ed25519, 64 hex. */
  readonly publicKey: string
  readonly logs: Readonly<Record<StreamName, string>>
  /** The rows of its next requests, properly placed and chained. */
  next(requests: number): Readonly<Record<StreamName, readonly FleetRow[]>>
  head(stream: StreamName): Head
  tree(stream: StreamName): MerkleTree
  /** The signed end of a log as it is now. */
  checkpoint(stream: StreamName): string
}

export const nodeId = (node: number): string => `node-${node}`
/** Two nodes each, which call each other; and one that has a tenant of its own, of few rows. */
export const tenantOf = (node: number): string =>
  node === smallNode ? 'tenant-small' : `tenant-${(node >> 1) & 7}`
export const smallNode = 9999
export const actorOf = (node: number, request: number): string => `user-${mixed(node, request, 7) % actors}`
export const targetOf = (node: number, request: number): string => `order/${node}-${request}`
/** 12 hex digits, as requests have them; one request in ten went on to the other node of the pair. */
export function requestIdOf(node: number, request: number): string {
  const who = request % 10 === 0 ? node >> 1 : node + 1_000_000
  const hex = (salt: number): string => (mixed(who, request, salt) & 0xffffff).toString(16).padStart(6, '0')
  return hex(1) + hex(2)
}

/** Rows are the same in every run but for the time; keys too, and so are signatures. */
export function createFleetNode({ requests, endMicros, spanMicros }: FleetShape, node: number): FleetNode {
  const source_node_id = nodeId(node)
  const tenant = tenantOf(node)
  const names = { service_id: 'shop', source_node_id, tenant_id: tenant }
  const logs = {
    audit: logName({ ...names, stream: 'audit' }),
    api: logName({ ...names, stream: 'api' }),
    sys: logName({ ...names, stream: 'sys' }),
  }
  const { publicKey, sign } = ed25519Pair(keyOf(node))
  const keyOfLog = (log: string) => verifierKey(log, 'ed25519', publicKey, sha256)
  const digest = createHash('sha256').update(source_node_id).digest('hex')
  let drawn = 0
  const mintId = createRowIdMint({
    randomHex: (bytes) => digest.slice(0, bytes * 2),
    randomBase32: (count) => Uint8Array.from({ length: count }, (_, at) => mixed(node, drawn++, at) & 31),
  })
  const heads: Record<StreamName, Head> = {
    audit: { log: logs.audit, size: 0, head_hash: genesis },
    api: { log: logs.api, size: 0, head_hash: genesis },
    sys: { log: logs.sys, size: 0, head_hash: genesis },
  }
  const trees = {
    audit: createMerkleTree(sha256),
    api: createMerkleTree(sha256),
    sys: createMerkleTree(sha256),
  }
  const encoder = new TextEncoder()
  let request = 0
  let bootSeq = 0

  function place(draft: Draft, micros: number): FleetRow {
    const { stream } = draft
    const { size } = heads[stream]
    // Clean by construction: nothing in it comes from anybody.
    const { leaf, hash, head } = chain(encoder.encode(draftText(draft as Clean)), heads[stream], sha256)
    heads[stream] = head
    trees[stream].append(hash)
    return { leaf, hash, seq: size, micros }
  }

  function envelope(micros: number, request_id: string): DraftEnvelope {
    return {
      canonical_form_id: '3',
      wire_version: '2',
      id: mintId(micros),
      boot_id: digest.slice(0, 16),
      boot_seq: bootSeq++,
      timestamp: formatMicros(micros),
      ...names,
      request_id,
      trace_id: request_id + digest.slice(0, 20),
    }
  }

  /** The first row of each log, which its store writes; the row that a request would have left at this place is left out. */
  function birth(stream: StreamName, micros: number): Draft {
    const own = {
      ...envelope(micros, `lib-${digest.slice(0, 12)}`),
      boot_id: `fa57e400${digest.slice(0, 8)}`,
      boot_seq: { audit: 0, api: 1, sys: 2 }[stream],
    }
    bootSeq--
    const facts = { public_key: formatVerifierKey(keyOfLog(logs[stream])), software: 'fasten', version: '0' }
    if (stream === 'sys')
      return { ...own, stream, level: 'info', event: 'LOG_CREATED', logger: 'fasten', fields: facts }
    if (stream === 'api')
      return {
        ...own,
        stream,
        method: 'POST',
        path: '/LOG_CREATED',
        status: 201,
        detail: facts,
        duration_us: 0,
      }
    return auditDraft(own, { code: 'LOG_CREATED', actor: 'fasten', target: logs.audit, detail: facts })
  }

  function rowsOf(index: number, take: (stream: StreamName, row: FleetRow) => void): void {
    const pace = spanMicros / requests
    const micros = Math.floor(endMicros - spanMicros + index * pace)
    const request_id = requestIdOf(node, index)
    const actor = actorOf(node, index)
    const target = targetOf(node, index)
    const put = (draft: () => Draft, at: number, stream: StreamName): void =>
      take(stream, place(heads[stream].size === 0 ? birth(stream, at) : draft(), at))
    const isRare = mixed(node, index, 11) % 2000 === 0
    for (const [step, code] of codes.entries())
      put(
        () =>
          auditDraft(envelope(micros + step, request_id), {
            code: isRare && step === 2 ? rareCode : code,
            actor,
            target,
            detail: detailOf(index),
          }),
        micros + step,
        'audit',
      )
    put(
      () => ({
        ...envelope(micros + 3, request_id),
        stream: 'sys',
        level: 'info',
        event: 'order_priced',
        logger: 'shop.price',
        fields: detailOf(index),
      }),
      micros + 3,
      'sys',
    )
    put(
      () => {
        const route = routes[mixed(node, index, 3) % routes.length] ?? '/orders'
        return {
          ...envelope(micros + 4, request_id),
          stream: 'api',
          method: index % 3 === 0 ? 'POST' : 'GET',
          path: route.replace(':id', String(index)),
          route,
          status: mixed(node, index, 5) % 200 === 0 ? 500 : 200,
          duration_us: 500 + (mixed(node, index, 9) % 40_000),
          actor,
        }
      },
      micros + 4,
      'api',
    )
  }

  return {
    source_node_id,
    tenant,
    publicKey: Buffer.from(publicKey).toString('hex'),
    logs,
    next(count) {
      const rows: Record<StreamName, FleetRow[]> = { audit: [], api: [], sys: [] }
      for (let left = count; left > 0; left--) rowsOf(request++, (stream, row) => rows[stream].push(row))
      return rows
    },
    head: (stream) => heads[stream],
    tree: (stream) => trees[stream],
    checkpoint(stream) {
      const { log, size } = heads[stream]
      const text = formatCheckpoint({ origin: log, size, root: trees[stream].root() })
      return signNote(text, { key: keyOfLog(log), sign })
    },
  }
}

/** In the order of its names, as the redactor leaves it. */
function detailOf(index: number): JsonObject {
  const { amount, channel, currency, items, order, ship_to } = orderNumber(index)
  return { amount, channel, currency, items, order, ship_to }
}

function auditDraft(
  envelope: DraftEnvelope,
  about: Pick<Extract<Draft, { stream: 'audit' }>, 'code' | 'actor' | 'target' | 'detail'>,
): Draft {
  return {
    ...envelope,
    stream: 'audit',
    ...about,
    action: 'order.place',
    severity: 'info',
    domain: 'shop',
    category: 'order',
    actor_kind: 'user',
    method: 'http',
    outcome: 'success',
    retention_class: 'medium',
  }
}

/** 31 bits that look drawn, the same each time. */
function mixed(a: number, b: number, salt: number): number {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + salt * 0x27d4eb2f, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 1
}

/** Out of the node's number, so that another process makes the same. */
function keyOf(node: number): KeyObject {
  const seed = createHash('sha256').update(`bench ${node}`).digest()
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
}
