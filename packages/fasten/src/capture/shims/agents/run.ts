// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { readJson } from '../../../core/read-json.ts'
import { currentContext, type RequestContext } from '../../context.ts'
import { canonicalText } from './digest.ts'

/** One tool call that a model asked for and nobody has made yet, or has made already. */
export interface AskedCall {
  /** The row of the model call that asked. */
  readonly row: string
  readonly tool: string
  /** The arguments that the model wrote, in canonical JSON. */
  readonly argsText: string
  /** Where the model was called: tools that are run elsewhere are run as if there. */
  readonly context: RequestContext
  /** A call that came without its reference has claimed this one. */
  isClaimed: boolean
  /** Another request used the same reference. */
  readonly isShared?: boolean
}

/** Which model call asked for which tool call. */
export interface AskedCalls {
  note(callRef: string, asked: AskedCall): void
  /** Undefined when no model is known to have asked for it. */
  find(callRef: string): AskedCall | undefined
  /**
   * For tools that are not told their reference: the oldest call of that name with those arguments that nobody claimed, else the oldest of that name (a schema
   * may have added to the arguments).
   */
  claim(tool: string, args: unknown): { readonly callRef: string; readonly asked: AskedCall } | undefined
}

/** Calls that are remembered at once, in one run or outside of any; the oldest are forgotten first. */
export const askedCallsMax = 10_000

/** One agent at work; what it starts finds it through the async context. */
export interface AgentRun {
  readonly agent: string
  readonly asked: AskedCalls
}

const storage = new AsyncLocalStorage<AgentRun>()

/** The run in progress, or undefined outside any. */
export const currentRun = (): AgentRun | undefined => storage.getStore()

/** Runs `work` as part of `run`. */
export const runWithin = <T>(run: AgentRun | undefined, work: () => T): T =>
  run === undefined ? work() : storage.run(run, work)

/** The tool that runs, innermost, as far as the row of its call is known. */
interface ToolAtWork {
  readonly tool: string
  readonly callRef: string | undefined
  isPassedOn: boolean
}

const atWork = new AsyncLocalStorage<ToolAtWork>()

/** Runs `work` as what the tool does. */
export const withinTool = <T>(tool: string, callRef: string | undefined, work: () => T): T =>
  atWork.run({ tool, callRef, isPassedOn: false }, work)

/**
 * The reference of the call in progress, where that is a call of `tool` which is about to be passed on to where the tool is (another process): the row there tells of the same
 * call. Once: whatever else the tool calls are calls of their own.
 */
export function passOn(tool: string): string | undefined {
  const call = atWork.getStore()
  if (call === undefined || call.isPassedOn || call.tool !== tool) return undefined
  call.isPassedOn = true
  return call.callRef
}

/** The row of a grant that tools run under. */
const grants = new AsyncLocalStorage<string | undefined>()

export const currentGrant = (): string | undefined => grants.getStore()

export const underGrant = <T>(grant: string | undefined, work: () => T): T => grants.run(grant, work)

export function createAskedCalls(): AskedCalls {
  const calls = new Map<string, AskedCall>()
  return {
    note(callRef, asked) {
      calls.delete(callRef)
      if (calls.size >= askedCallsMax)
        for (const oldest of calls.keys()) {
          calls.delete(oldest)
          break
        }
      calls.set(callRef, asked)
    },
    find: (callRef) => calls.get(callRef),
    claim(tool, args) {
      const text = argsText(args)
      let found: [string, AskedCall] | undefined
      for (const entry of calls) {
        const [, asked] = entry
        if (asked.isClaimed || asked.tool !== tool) continue
        found ??= entry
        if (asked.argsText !== text) continue
        found = entry
        break
      }
      if (found === undefined) return undefined
      const [callRef, asked] = found
      asked.isClaimed = true
      return { callRef, asked }
    },
  }
}

/**
 * Calls asked for outside of any run, by many requests at once. A tool that runs where its request is known is found by both. Where it is not, a
 * reference that two requests used (they are the provider's to choose) means neither.
 */
export function createLooseCalls(): AskedCalls {
  const ofRequest = createAskedCalls()
  const anywhere = createAskedCalls()
  return {
    note(callRef, asked) {
      ofRequest.note(`${asked.context.request_id} ${callRef}`, asked)
      const other = anywhere.find(callRef)
      const isShared = other !== undefined && other.context.request_id !== asked.context.request_id
      anywhere.note(callRef, isShared ? { ...asked, isShared } : asked)
    },
    find(callRef) {
      const request = currentContext()?.request_id
      if (request !== undefined) return ofRequest.find(`${request} ${callRef}`)
      const asked = anywhere.find(callRef)
      return asked?.isShared === true ? undefined : asked
    },
    claim: () => undefined,
  }
}

/** Models write arguments as JSON text, tools get them read. */
export function argsText(args: unknown): string {
  if (typeof args !== 'string') return canonicalText(args)
  try {
    return canonicalText(readJson(args))
  } catch {
    // A tool that takes plain text.
    return canonicalText(args)
  }
}
