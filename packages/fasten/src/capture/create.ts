// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty'
import { createCodeRegistry, type CodeMeta, type CodeRegistry } from '../core/code.ts'
import { builtinDomain } from '../core/builtin-codes.ts'
import { FastenError } from '../core/error.ts'
import { draftText } from '../core/leaf.ts'
import { createRedactor } from '../core/redact.ts'
import type { StreamName } from '../core/row.ts'
import { formatMicros } from '../core/timestamp.ts'
import { createMemoryStore } from '../store/memory.ts'
import { createSystemClock, createSystemIds, createSystemRandom } from '../store/platform.ts'
import type { KeyRing } from '../store/privacy/key-ring.ts'
import type { NodeStatus } from '../store/sources.ts'
import { processEnv, readConfig, type InitOptions } from './config.ts'
import { currentContext } from './context.ts'
import { countStats } from './count-stats.ts'
import { createEmit } from './emit.ts'
import type { AnyEmitInput, ApiInput, Fasten } from './engine.ts'
import { createIdentity } from './identity.ts'
import type { Lane } from './lane.ts'
import { ndjsonLine, prettyLine, type AnyClean } from './lines.ts'
import { createLogger, type LogLine } from './log.ts'
import { openFleet } from './open-fleet.ts'
import { openLane, planLanes, type OpenLane } from './open-lane.ts'
import { openSealer } from './open-sealer.ts'
import { createOwnNews } from './own-news.ts'
import { notWritten, type Receipt } from './receipt.ts'
import { mintID } from './request-id.ts'
import { openSources } from './sources.ts'
import type { Stats } from './stats.ts'
import { createUndeclaredPersonal } from './undeclared-personal.ts'
import { createLineWriter, lineTarget, type TextWritable } from './stdout.ts'
import { traceBridge } from './trace-bridge.ts'
import { createOutboxInsert } from './transaction/outbox-insert.ts'
import type { TransactionReceipt } from './transaction/receipt.ts'
import { createOutboxWatch } from './transaction/watch.ts'
import { within } from './within.ts'

const signNames = { email: 'an e-mail address', phone: 'a phone number', iban: 'an IBAN' } as const

export interface CreateOptions extends InitOptions {
  /** Shared with the process's own registry unless given. */
  readonly registry?: CodeRegistry
  /** Keys for personal data, as a key service unwrapped them; instead of those of the environment. */
  readonly keyRing?: KeyRing
  /** Where lines go instead of stdout. Default: stdout, and stderr as soon as an MCP server speaks on stdout. */
  readonly writable?: TextWritable
  /** Where this library speaks of itself instead of stderr. */
  readonly notices?: TextWritable
}

/** A started instance with what only its own process may do to it. */
export interface OwnedFasten extends Fasten {
  /** Lines and rows to their files, blocking: for the process's last moment. */
  syncNow(): void
}

/**
 * Starts an instance: reads the configuration, makes the spools, starts the drainers. Everything that can be wrong with the
 * configuration throws here.
 */
export function createFasten({
  registry = createCodeRegistry(),
  keyRing,
  writable,
  notices = process.stderr,
  ...options
}: CreateOptions = {}): OwnedFasten {
  const config = readConfig(options, processEnv())
  const notice = (text: string): void => void notices.write(`fasten: ${text}\n`)
  const news = createOwnNews({
    notice,
    log: () => log,
    emit: (input) => emit(input),
    isClosed: () => isClosed,
  })
  const clock = createSystemClock({ onStep: news.clockStep })
  const ids = createSystemIds()
  const identity = createIdentity(config, clock, ids)
  const redactor = createRedactor({
    extraKeys: config.redactKeys,
    allowKeys: config.redactAllowKeys,
    replacement: config.redactReplacement,
    detailBytesMax: config.detailBytesMax,
  })
  const lines = createLineWriter(() => lineTarget(writable))
  const showsPretty =
    config.logFormat === 'pretty' || (config.logFormat === 'auto' && writable === undefined && isatty(1))
  const format = showsPretty ? prettyLine : ndjsonLine
  const rings = {
    sys: createMemoryStore({ stream: 'sys', rowsMax: config.sysRingRows }),
    api: createMemoryStore({ stream: 'api', rowsMax: config.apiRingRows }),
  }
  const unregistered = new Map<string, number>()
  const refusedByCode = new Map<string, number>()
  let isClosed = false
  let nudgedAt = 0n

  const sealer = openSealer({
    config,
    clock,
    random: createSystemRandom(),
    ring: keyRing,
    onTrouble: news.trouble,
  })
  const undeclared = createUndeclaredPersonal((code, member, sign) =>
    notice(
      `${code}: ${member} looks like ${signNames[sign]} and is written in clear; declare it under pii if it is about a person`,
    ),
  )
  const opened = openLanes()
  const laneOf = new Map<StreamName, Lane>(
    opened.flatMap(({ lane, streams }) => streams.map((stream) => [stream, lane] as const)),
  )
  const sources = openSources({
    opened,
    rings,
    status,
    disclosing: {
      ring: () => sealer()?.ring ?? null,
      async tell({ row_ids, parameters, ...counts }) {
        const detail = { ...counts, parameters: [...parameters], row_ids: [...row_ids] }
        await emit({ code: 'VALUES_DISCLOSED', target: 'reader', detail }).durable
      },
    },
  })

  const auditLane = opened.find(({ streams }) => streams.includes('audit'))
  if (auditLane === undefined) throw new TypeError('the audit stream has no store')
  const { drainer: auditDrainer, target: auditTarget } = auditLane
  const watch = createOutboxWatch(auditDrainer)
  const { emit, emitStored, emitInTransaction } = createEmit({
    config,
    registry,
    identity,
    redactor,
    lane: auditLane.lane,
    sealer,
    undeclared,
    outbox: {
      watch,
      insert: createOutboxInsert({
        target: auditTarget,
        place: auditDrainer.outboxPlace,
        now: () => formatMicros(clock.nowMicros()),
      }),
    },
    onUnregistered(code) {
      const times = unregistered.get(code) ?? 0
      if (times === 0)
        notice(
          `code "${code}" is not registered; its rows are kept as UNREGISTERED_CODE. register() it, or load its *.codes.yaml`,
        )
      if (times > 0 || unregistered.size < 10_000) unregistered.set(code, times + 1)
    },
    refusal,
    onRefused: (code) => refusedByCode.set(code, (refusedByCode.get(code) ?? 0) + 1),
    onRow: config.stdout.includes('audit') ? show : null,
  })
  const stats = (): Stats =>
    countStats({
      config,
      opened,
      rings,
      watch,
      undeclared,
      unregistered,
      refusedByCode,
      standing: news.standing,
    })
  const log = createLogger(config.logLevel, (line) => void recordLine(line, config.stdout.includes('sys')))
  tellAssumptions()

  return {
    config,
    log,
    emit: emitEither,
    emitStored: (input, { timeoutMs } = {}) => emitStored(input, timeoutMs),
    ready,
    recordApi,
    recordLog: (line, { isShown = false } = {}) => recordLine(line, isShown && config.stdout.includes('sys')),
    mintID,
    reserve: identity.reserve,
    register: (domain, codes) => registry.register(domain, codes),
    metaOf: (code) => registry.metaOf(code),
    sources: () => sources.sources,
    flush: async (timeoutMs = config.flushTimeoutMs) => {
      lines.flush()
      const results = await Promise.all([
        ...opened.map(({ lane }) => lane.flush(timeoutMs)),
        watch.sweep(timeoutMs),
      ])
      return results.every(Boolean)
    },
    async checkpoint(timeoutMs = config.flushTimeoutMs) {
      const sealed = opened.map(async ({ lane, drainer }) => {
        await lane.flush(timeoutMs)
        return drainer.seal()
      })
      return (await Promise.all(sealed)).flat()
    },
    async close(timeoutMs = config.flushTimeoutMs) {
      if (isClosed) return
      isClosed = true
      lines.flush()
      const startedAt = clock.monotonicNanos()
      await watch.sweep(timeoutMs)
      watch.close()
      // What was spent on the outbox is not spent again on the spools.
      const leftMs = Math.max(0, timeoutMs - Number((clock.monotonicNanos() - startedAt) / 1_000_000n))
      await Promise.all(opened.map((lane) => lane.close(leftMs)))
      await sources.close()
      lines.flush()
    },
    stats,
    syncNow() {
      lines.flush()
      if (!isClosed) for (const { lane } of opened) lane.syncNow()
    },
  }

  // One name, as the wording of the interface has it: the compiler tells the two by their arguments.
  function emitEither(input: AnyEmitInput): Receipt
  function emitEither(tx: object, input: AnyEmitInput): Promise<TransactionReceipt>
  function emitEither(first: object, second?: AnyEmitInput): Receipt | Promise<TransactionReceipt> {
    return second === undefined ? emit(first as AnyEmitInput) : emitInTransaction(first, second)
  }

  async function ready(timeoutMs = config.flushTimeoutMs): Promise<void> {
    await within(timeoutMs, auditDrainer.outboxPlace(), 'the store has not answered')
  }

  function openLanes(): OpenLane[] {
    const lanes: OpenLane[] = []
    const plans = planLanes(config)
    const fleet = openFleet(config, plans, { ids, signer: options.signer })
    for (const plan of plans)
      lanes.push(
        openLane(plan, {
          config,
          fleet,
          clock,
          ids,
          signer: options.signer,
          onEvent: news.drained,
          onMoved: (rows) => watch.moved(rows),
          onQueueEvent: news.queue,
          onSpoolRelief: news.spoolRelief,
          onTrouble: news.trouble,
          onDiskFull: news.diskFull,
          onRelief: news.relief,
        }),
      )
    return lanes
  }

  function recordLine(line: LogLine, isShown: boolean): string {
    return record('sys', isShown, (envelope) =>
      redactor.sys({
        ...envelope,
        stream: 'sys',
        level: line.level,
        event: line.event,
        ...(line.logger === undefined ? {} : { logger: line.logger }),
        fields: line.fields,
      }),
    )
  }

  function recordApi(input: ApiInput): void {
    const { path, actor = currentContext()?.actor, source = currentContext()?.source, ...rest } = input
    const query = path.indexOf('?')
    record('api', config.stdout.includes('api'), (envelope) =>
      redactor.api({
        ...envelope,
        ...rest,
        stream: 'api',
        path: query === -1 ? path : path.slice(0, query),
        ...(actor === undefined ? {} : { actor }),
        ...(source === undefined ? {} : { source }),
      }),
    )
  }

  /** A row of sys or api: to its ring, to stdout, and to its store where one is named. Answers its id. */
  function record(
    stream: 'sys' | 'api',
    isShown: boolean,
    build: (envelope: ReturnType<typeof identity.envelope>) => AnyClean,
  ): string {
    const lane = isClosed ? undefined : laneOf.get(stream)
    const context = currentContext()
    const tenant = context?.tenant_id ?? config.tenant_id
    const clean = build(identity.envelope(context, tenant, lane !== undefined))
    traceBridge()?.onRow(clean)
    if (isShown) show(clean)
    if (lane === undefined) rings[stream].push(clean)
    else
      lane.accept(identity.log(stream, tenant), () => draftText(clean), {
        stream,
        id: clean.id,
        position: notWritten,
        error: null,
        onSettled: null,
      })
    return clean.id
  }

  function show(clean: AnyClean): void {
    lines.write(format(clean))
  }

  /**
   * Whether to refuse a row that the spool would take. `failure: 'raise'` wants to hear that the store does not take rows, and a
   * `fail_closed` code does not go into a store whose file somebody replaced. Refused means not recorded: a caller who catches
   * the error and tries again makes no second row. Own rows are never refused.
   */
  function refusal({ domain, fail_closed }: CodeMeta): FastenError | null {
    if (auditDrainer.shared.failures === 0 || domain === builtinDomain) return null
    const raises = config.failure === 'raise'
    if (!raises && !(fail_closed && news.standing.isReplaced)) return null
    // Whoever is refused has the store tried again, once a second at most.
    const now = clock.monotonicNanos()
    if (now - nudgedAt > 1_000_000_000n) {
      nudgedAt = now
      auditDrainer.hurry()
    }
    return new FastenError(
      'STORE_DOWN',
      `store down: ${news.standing.storeError ?? 'it does not take rows'}`,
      {
        at: 'store',
        hint: 'the row was not recorded; emit it again when the store is back',
      },
    )
  }

  function status(): NodeStatus {
    const now = stats()
    return {
      service_id: config.service_id,
      source_node_id: config.node_id,
      tenant_id: config.tenant_id ?? null,
      failure_strategy: config.failure,
      worker_pid: process.pid,
      stdout_active: config.stdout.length > 0,
      sys_ring_depth: laneOf.has('sys') ? null : rings.sys.size,
      api_ring_depth: laneOf.has('api') ? null : rings.api.size,
      queue: { ...now },
      isDegraded: now.refused > 0 || now.quarantined > 0 || now.retry_count > 0,
    }
  }

  function tellAssumptions(): void {
    if (config.unread.length > 0)
      notice(`nobody reads ${config.unread.join(', ')}; see docs/reference/env.md`)
    if (config.assumed.length === 0) return
    notice(
      `${config.assumed.join(', ')}; FASTEN_SERVICE_ID, FASTEN_NODE_ID and FASTEN_AUDIT_DSN choose others`,
    )
  }
}
