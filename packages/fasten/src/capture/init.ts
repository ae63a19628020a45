// SPDX-License-Identifier: Apache-2.0
/** The process's own instance: one at a time, behind the functions that `import fasten from 'fasten'` hands out. */
import { createCodeRegistry, type CodeMetaInput, type CodeRegistry } from '../core/code.ts'
import { levels, type Level } from '../core/row.ts'
import { processEnv } from './config.ts'
import { createCodeFiles, type CodeFiles } from './codes.ts'
import { currentContext, runWithContext, type RequestContext } from './context.ts'
import { createFasten, type CreateOptions, type OwnedFasten } from './create.ts'
import type { CodeName, EmitInput, Fasten } from './engine.ts'
import { readEnvFile } from './env-file.ts'
import { installExitHooks } from './hooks.ts'
import type { LogCall, LogFields, Logger } from './log.ts'
import type { Receipt, StoredReceipt } from './receipt.ts'
import type { Stats } from './stats.ts'
import type { Sealed } from '../store/seal/sealer.ts'
import type { TransactionReceipt } from './transaction/receipt.ts'
import type { Sources } from '../store/sources.ts'

let current: OwnedFasten | undefined
let removeHooks: (() => void) | undefined
let processRegistry: CodeRegistry | undefined
let processCodes: CodeFiles | undefined
/** Lines logged before `init`, kept for it. */
const early: {
  readonly level: Level
  readonly args: Parameters<LogCall>
  readonly bound: LogFields
  /** They keep the ids they were logged under. */
  readonly context: RequestContext | undefined
}[] = []
const earlyLinesMax = 1000

const registry = (): CodeRegistry => (processRegistry ??= createCodeRegistry())

/** The process's instance, or undefined before `init` and after `close`. */
export const currentFasten = (): Fasten | undefined => current

function started(doing: string): OwnedFasten {
  if (current) return current
  throw new TypeError(`fasten.${doing} was called before fasten.init()`)
}

/**
 * Starts fasten for this process from `FASTEN_*` variables and options (options win). Returns at once: the database is opened by
 * the drainer, and rows may be emitted from the next line on. Called again, it starts the new instance first and then flushes and closes
 * the old one. Throws `CONFIG_INVALID`, `DSN_…`, `PLACE_UNWRITABLE` or `SPOOL_…` saying which variable and what to do.
 */
export function init(options: CreateOptions = {}): Fasten {
  const previous = current
  const next = createFasten({ registry: registry(), ...options })
  current = next
  removeHooks?.()
  removeHooks = next.config.hasExitHooks ? installExitHooks(next) : undefined
  for (const file of next.config.codeFiles) codes.loadSync(file)
  for (const { level, args, bound, context } of early.splice(0)) {
    const tell = (): void => next.log.child(bound)[level](...args)
    if (context === undefined) tell()
    else runWithContext(context, tell)
  }
  if (previous) void previous.close()
  return next
}

/**
 * Starts fasten from the environment where nobody has yet and `FASTEN_AUDIT_DSN`, or the file that `FASTEN_ENV_FILE` names, says where rows go: whoever was not told in code
 * leaves no database where it happens to run. Answers whether fasten runs now. Throws what `init` throws.
 */
export function startWhereToldTo(): boolean {
  if (current !== undefined) return true
  const variables = processEnv()
  const envFile = variables['FASTEN_ENV_FILE'] ?? ''
  const env = envFile === '' ? variables : { ...readEnvFile(envFile), ...variables }
  if ((env['FASTEN_AUDIT_DSN'] ?? '') === '') return false
  init()
  return true
}

/** Records it in the application's own transaction: see `Fasten.emit`. */
export function emit<C extends CodeName>(tx: object, input: EmitInput<C>): Promise<TransactionReceipt>
/** Records one audit event; see `EmitInput`. Throws a `TypeError` before `init`. */
export function emit<C extends CodeName>(input: EmitInput<C>): Receipt
export function emit<C extends CodeName>(
  first: EmitInput<C> | object,
  second?: EmitInput<C>,
): Receipt | Promise<TransactionReceipt> {
  const fasten = started('emit()')
  return second === undefined ? fasten.emit(first as EmitInput<C>) : fasten.emit(first, second)
}

/** Records one audit event and waits for its place; see `Fasten.emitStored`. */
export const emitStored = <C extends CodeName>(
  input: EmitInput<C>,
  options?: { readonly timeoutMs?: number },
): Promise<StoredReceipt> => started('emitStored()').emitStored(input, options)

/** Resolves when the store has answered and has its tables; see `Fasten.ready`. */
export const ready = (timeoutMs?: number): Promise<void> => started('ready()').ready(timeoutMs)

/** Registers the codes of a domain, before or after `init`. A mistake in them is a `TypeError` naming domain, code and member. */
export function register(domain: string, metas: Readonly<Record<string, CodeMetaInput>>): void {
  registry().register(domain, metas)
}

/** The registration of a code, or undefined. */
export const metaOf = (code: string): ReturnType<CodeRegistry['metaOf']> => registry().metaOf(code)

/** Every registered code as `id,domain,severity` lines, sorted. */
export const dump = (): string => registry().dump()

/** `*.codes.yaml` files of this process; `codes.load(pattern)` and `codes.reload()`. */
export const codes: CodeFiles = {
  load: (patterns) => codeFiles().load(patterns),
  loadSync: (patterns) => codeFiles().loadSync(patterns),
  reload: () => codeFiles().reload(),
}
const codeFiles = (): CodeFiles => (processCodes ??= createCodeFiles(registry()))

/** True when every row accepted so far is stored, false after `timeoutMs`. True before `init`. */
export const flush = (timeoutMs?: number): Promise<boolean> =>
  current?.flush(timeoutMs) ?? Promise.resolve(true)

/** Signs the ends of the logs now; see `Fasten.checkpoint`. Throws a `TypeError` before `init`. */
export const checkpoint = (timeoutMs?: number): Promise<readonly Sealed[]> =>
  started('checkpoint()').checkpoint(timeoutMs)

/** Ends the process's instance: flushes, closes files and the drainer thread. */
export async function close(timeoutMs?: number): Promise<void> {
  const closing = current
  current = undefined
  removeHooks?.()
  removeHooks = undefined
  await closing?.close(timeoutMs)
}

export const stats = (): Stats => started('stats()').stats()
export const sources = (): Sources => started('sources()').sources()

/** The process's logger. Before `init` it keeps up to 1,000 lines and hands them over then. */
export const log: Logger = deferredLogger({})

function deferredLogger(bound: LogFields): Logger {
  let owner: OwnedFasten | undefined
  let logger: Logger | undefined
  const target = (): Logger | undefined => {
    if (current !== owner) {
      owner = current
      logger = Object.keys(bound).length === 0 ? current?.log : current?.log.child(bound)
    }
    return logger
  }
  const call =
    (level: Level): LogCall =>
    (...args: unknown[]) => {
      const found = target()
      if (found) found[level](...(args as Parameters<LogCall>))
      else if (early.length < earlyLinesMax)
        early.push({ level, args: args as Parameters<LogCall>, bound, context: currentContext() })
    }
  return {
    ...(Object.fromEntries(levels.map((level) => [level, call(level)])) as Record<Level, LogCall>),
    get level() {
      return target()?.level ?? 'info'
    },
    set level(level) {
      const found = target()
      if (!found)
        throw new TypeError('the log level can be set after fasten.init(); before, set FASTEN_LOG_LEVEL')
      found.level = level
    },
    isLevelEnabled: (level) => target()?.isLevelEnabled(level) ?? true,
    child: (fields) => deferredLogger({ ...bound, ...fields }),
  }
}
