// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module'
import { FastenError } from '../../../core/error.ts'

/** What of `@opentelemetry/api` (1.9 and newer) the bridge uses. Ours, so that nobody who does not have the package needs its types. */
export interface OtelApi {
  readonly context: {
    active(): OtelContext
    with<T>(context: OtelContext, work: () => T): T
  }
  readonly trace: {
    getTracerProvider(): object
    getSpan(context: OtelContext): OtelSpan | undefined
    setSpanContext(context: OtelContext, spanContext: OtelSpanContext): OtelContext
    isSpanContextValid(spanContext: OtelSpanContext): boolean
  }
  readonly propagation: {
    getBaggage(context: OtelContext): OtelBaggage | undefined
    setBaggage(context: OtelContext, baggage: OtelBaggage): OtelContext
    createBaggage(entries?: Record<string, OtelBaggageEntry>): OtelBaggage
  }
}

/** Immutable: `setValue` answers another one. */
export interface OtelContext {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): OtelContext
  deleteValue(key: symbol): OtelContext
}

export interface OtelSpanContext {
  traceId: string
  spanId: string
  traceFlags: number
  isRemote?: boolean
  traceState?: OtelTraceState
}

export interface OtelTraceState {
  get(key: string): string | undefined
  set(key: string, value: string): OtelTraceState
  unset(key: string): OtelTraceState
  serialize(): string
}

export interface OtelSpan {
  spanContext(): OtelSpanContext
  isRecording(): boolean
  setAttribute(name: string, value: string): unknown
  addEvent(name: string, attributes?: Record<string, string>): unknown
  addLink(link: { context: OtelSpanContext; attributes?: Record<string, string> }): unknown
}

export interface OtelBaggage {
  getEntry(name: string): OtelBaggageEntry | undefined
}

export interface OtelBaggageEntry {
  value: string
}

/**
 * `@opentelemetry/api`, loaded now and not before. Its state hangs on `globalThis`, so it does not matter which copy answers. Throws FastenError
 * `OTEL_MISSING` when it is not installed.
 */
export function loadOtelApi(): OtelApi {
  // Not a literal, so that no bundler asks for an optional package.
  const name: string = '@opentelemetry/api'
  try {
    return createRequire(import.meta.url)(name) as OtelApi
  } catch (cause) {
    throw new FastenError('OTEL_MISSING', 'the API of OpenTelemetry could not be loaded', {
      at: name,
      hint: 'npm install @opentelemetry/api, or hand it in: instrumentOpenTelemetry({ api })',
      cause,
    })
  }
}
