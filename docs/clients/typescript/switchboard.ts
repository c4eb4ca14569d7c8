/**
 * A Switchboard client to start from: start a call, follow it, read its record. It needs only `fetch`
 * (browsers, Node 20 and later). A request that was answered 429 or 503, or not at all, is repeated
 * with the same `Idempotency-Key` after the time that `Retry-After` names, so that no call is started
 * twice.
 */

const ATTEMPTS = 6;

export interface WebCall {
  call_id: string;
  room_name: string;
  token: string;
  url: string;
  participant_identity: string;
}

export interface CallEvent {
  seq: number;
  at: string;
  source: string;
  actor: string;
  kind: string;
  text: string;
  data: Record<string, unknown>;
}

export interface Call {
  call_id: string;
  status: "queued" | "ringing" | "in_progress" | "on_hold" | "ended";
  started_at: string;
  answered_at: string | null;
  ended_at: string | null;
  ended_reason: string | null;
  ended_by: string | null;
  talk_seconds: number | null;
  cost: { total: string; currency: string; partial: boolean } | null;
}

export interface WebCallOptions {
  participant_name?: string;
  language?: string;
  record?: boolean;
  metadata?: Record<string, unknown>;
}

export interface OutboundCall {
  call_id: string;
  room_name: string;
  status: "queued";
}

export interface OutboundCallOptions {
  from_number?: string;
  language?: string;
  record?: boolean;
  ringing_timeout_seconds?: number;
  max_duration_seconds?: number;
  queue_seconds?: number;
  dtmf?: string;
  headers?: Record<string, string>;
  attributes?: Record<string, string>;
  metadata?: Record<string, unknown>;
}

/** A problem of RFC 9457. `code` is stable; the message is for people. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

export class Switchboard {
  constructor(
    private readonly url: string,
    private readonly apiKey: string,
  ) {}

  startWebCall(assistantId: string, options: WebCallOptions = {}): Promise<WebCall> {
    return this.post<WebCall>("/web_call/get_token", { assistant_id: assistantId, ...options });
  }

  /** `toNumber` is E.164. */
  callTelephone(
    assistantId: string,
    trunkId: string,
    toNumber: string,
    options: OutboundCallOptions = {},
  ): Promise<OutboundCall> {
    const whom = { assistant_id: assistantId, trunk_id: trunkId, to_number: toNumber };
    return this.post<OutboundCall>("/call/outbound", { ...whom, ...options });
  }

  async call(callId: string): Promise<Call> {
    return (await (await this.ask(`/calls/${callId}`)).json()) as Call;
  }

  async hangUp(callId: string, reason = ""): Promise<void> {
    await this.post(`/calls/${callId}/hangup`, { reason });
  }

  /** The timeline as it grows, each event once, until the call's last one. */
  async *events(callId: string): AsyncGenerator<CallEvent> {
    let seen = 0;
    for (let failures = 0; failures < ATTEMPTS; failures++) {
      try {
        const answer = await this.ask(`/calls/${callId}/events`, {
          headers: { "Last-Event-ID": String(seen) },
        });
        for await (const line of lines(answer)) {
          if (!line.startsWith("data: ")) continue;
          const event = JSON.parse(line.slice("data: ".length)) as CallEvent;
          seen = event.seq;
          failures = 0;
          yield event;
        }
        return; // the server ends the stream after the last event
      } catch (error) {
        if (error instanceof Refused) throw error;
        await pause(null, failures + 1); // the connection broke: go on where it did
      }
    }
    throw new Error(`The events of ${callId} could not be followed any further.`);
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await this.ask(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    });
    return (await answer.json()) as T;
  }

  private async ask(
    path: string,
    request: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const headers = { ...request.headers, Authorization: `Bearer ${this.apiKey}` };
    for (let attempt = 1; ; attempt++) {
      let answer: Response | null = null;
      try {
        answer = await fetch(this.url + path, { ...request, headers });
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
      }
      if (answer !== null) {
        if (answer.ok) return answer;
        if (attempt >= ATTEMPTS || ![429, 503].includes(answer.status)) {
          const problem = (await answer.json()) as { code: string; detail: string };
          throw new Refused(problem.code, answer.status, problem.detail);
        }
      }
      await pause(answer?.headers.get("Retry-After") ?? null, attempt);
    }
  }
}

async function* lines(answer: Response): AsyncGenerator<string> {
  if (answer.body === null) return;
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const whole = (text + decoder.decode(value, { stream: true })).split(/\r?\n/);
    text = whole.pop() ?? "";
    yield* whole;
  }
}

function pause(retryAfter: string | null, attempt: number): Promise<void> {
  const seconds = retryAfter === null ? Math.min(0.5 * 2 ** attempt, 10) : Number(retryAfter);
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
