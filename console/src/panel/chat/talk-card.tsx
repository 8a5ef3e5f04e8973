import { type ChatLine, hexDigits } from "@hexhold/client";
import { keyText } from "@hexhold/hex";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import {
  blockList,
  chat,
  lines,
  mutedUntilMs,
  partner,
  partners,
  readBlocks,
  room,
  type Room,
} from "../../chat.ts";
import { nameOf } from "../../player-names.ts";
import { chatFault } from "../../words/chat-words.ts";
import { shownText } from "../../words/shown-text.ts";
import { agoWords, spanWords } from "../../words/time-words.ts";
import { nowMs, type World } from "../../world.ts";
import { type Act, ActButton, ActForm, Said, useAct } from "../act.tsx";
import { Choice, SelectField, TextField } from "../field.tsx";

const rooms: readonly (readonly [Room, string])[] = [
  ["local", "Here"],
  ["world", "World"],
  ["whispers", "Whispers"],
];

/** Three rooms, and a line to speak. */
export function TalkCard({ world }: { world: World }) {
  const act = useAct();
  const leftMs = mutedUntilMs.value - nowMs.value;
  return (
    <section class="card" aria-labelledby="chat">
      <h2 id="chat">
        Chat
        {leftMs > 0 && <span class="place bad">muted for {spanWords(leftMs)}</span>}
      </h2>
      <Choice
        label="Where"
        options={rooms}
        value={room.value}
        onValue={(value) => {
          room.value = value;
          act.clear();
        }}
      />
      {room.value === "whispers" && <PartnerField world={world} />}
      <Log world={world} act={act} />
      <SpeakForm act={act} />
      <Said act={act} />
    </section>
  );
}

/** With whom: those of before, and who is in sight. */
function PartnerField({ world }: { world: World }) {
  // Read, so that who comes and goes is seen.
  void nowMs.value;
  const seen = world.place.value.ring.flatMap(
    ({ hexId }) => world.hex(hexId).view?.players.map(({ playerId }) => playerId) ?? [],
  );
  const chosen = partner.value;
  const known = [
    ...partners.value.map(({ accountId }) => accountId),
    ...seen,
    ...(chosen === undefined ? [] : [chosen]),
  ];
  const byId = new Map(known.map((id) => [hexDigits(id), id]));
  byId.delete(world.self);
  const [first] = byId.values();
  useEffect(() => {
    partner.value ??= first;
  }, [first === undefined]);
  if (first === undefined) return <p class="empty">Nobody is in sight to whisper to.</p>;
  return (
    <SelectField
      id="chat-partner"
      label="With"
      value={hexDigits(chosen ?? first)}
      onValue={(value) => (partner.value = byId.get(value))}
    >
      {[...byId].map(([id, account]) => (
        <option key={id} value={id}>
          {nameOf(account)}
        </option>
      ))}
    </SelectField>
  );
}

function Log({ world, act }: { world: World; act: Act }) {
  const shown = lines.value;
  const list = useRef<HTMLDivElement>(null);
  const [opened, setOpened] = useState("");
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const { current } = list;
    if (current !== null && isAtEnd.current) current.scrollTop = current.scrollHeight;
  }, [shown, room.value]);
  return (
    <div
      ref={list}
      class="log"
      role="log"
      aria-label="What is said, the newest last"
      tabIndex={0}
      onScroll={({ currentTarget: at }) => {
        isAtEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24;
      }}
    >
      {shown.length === 0 && <p class="empty">Nothing was said here yet.</p>}
      <ol>
        {shown.map((line) => {
          const id = `${line.channel} ${line.seq}`;
          return (
            <Line
              key={id}
              line={line}
              world={world}
              act={act}
              isOpen={opened === id}
              onToggle={() => setOpened(opened === id ? "" : id)}
            />
          );
        })}
      </ol>
    </div>
  );
}

function Line({
  line,
  world,
  act,
  isOpen,
  onToggle,
}: {
  line: ChatLine;
  world: World;
  act: Act;
  isOpen: boolean;
  onToggle: () => void;
}) {
  const { accountId, channel, text, isRemoved, atMs } = line;
  const isOwn = hexDigits(accountId) === world.self;
  const name = line.name === "" ? nameOf(accountId) : shownText(line.name);
  const isNear = channel.startsWith("hex/") && channel !== `hex/${keyText(world.place.value.home)}`;
  return (
    <li class={isOwn ? "own" : ""}>
      {isOwn ? (
        <span class="who">you</span>
      ) : (
        <button type="button" class="who" aria-expanded={isOpen} onClick={onToggle}>
          <bdi>{name}</bdi>
        </button>
      )}
      {isNear && <small class="tag">next hex</small>}
      <span class="text">
        {isRemoved ? <em>removed by a moderator</em> : <bdi>{shownText(text)}</bdi>}
      </span>
      <time>{agoWords(nowMs.value - atMs)}</time>
      {isOpen && <Actions line={line} name={name} act={act} onDone={onToggle} />}
    </li>
  );
}

/** What can be done about who said a line, or about the line. */
function Actions({
  line,
  name,
  act,
  onDone,
}: {
  line: ChatLine;
  name: string;
  act: Act;
  onDone: () => void;
}) {
  const [reason, setReason] = useState("");
  const service = chat.value!;
  const { accountId } = line;
  return (
    <div class="actions-of">
      <div class="row-actions">
        <button
          type="button"
          aria-label={`Whisper to ${name}`}
          onClick={() => {
            partner.value = accountId;
            room.value = "whispers";
            document.querySelector<HTMLElement>("#chat-text")?.focus();
          }}
        >
          Whisper
        </button>
        <ActButton
          act={act}
          aria-label={`Block ${name}`}
          onClick={() =>
            void act
              .run(
                { type: "cmd.chat.block", doing: "Blocking" },
                () => service.block(accountId),
                `${name} is blocked: you hear nothing of it any more.`,
              )
              .then(readBlocks)
              .then(onDone)
          }
        >
          Block
        </ActButton>
      </div>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (reason.trim() === "") {
            act.fail("Say in a few words what is wrong with it.");
            return;
          }
          void act
            .run(
              { type: "cmd.chat.report", doing: "Reporting" },
              () => service.report(line, reason.trim()),
              "Reported: a moderator will read it.",
            )
            .then((isDone) => (isDone ? onDone() : undefined));
        }}
      >
        <div class="fields">
          <TextField
            id="chat-report"
            label="Report it, because"
            charactersMax={256}
            value={reason}
            onValue={setReason}
          />
          <ActButton act={act} type="submit">
            Report
          </ActButton>
        </div>
      </form>
    </div>
  );
}

function SpeakForm({ act }: { act: Act }) {
  const [text, setText] = useState("");
  const where = room.value;
  const to = partner.value;
  const label =
    where === "local"
      ? "Say to those around you"
      : where === "world"
        ? "Say to the whole world"
        : "Whisper";
  const submit = async (): Promise<void> => {
    const service = chat.value;
    const fault = chatFault(text);
    if (fault !== undefined || service === undefined) {
      act.fail(fault ?? "");
      return;
    }
    if (where === "whispers" && to === undefined) return;
    const isSaid = await (where === "whispers"
      ? act.run(
          { type: "cmd.chat.whisper", doing: "Whispering" },
          () => service.whisper(to!, text),
          "",
        )
      : act.run({ type: "cmd.chat.say", doing: "Talking" }, () => service.say(where, text), ""));
    // What was entered meanwhile stays.
    if (isSaid) setText((now) => (now === text ? "" : now));
  };
  return (
    <ActForm submit={submit}>
      <div class="fields">
        <TextField
          id="chat-text"
          label={label}
          charactersMax={1024}
          value={text}
          onValue={setText}
        />
        <ActButton act={act} type="submit" class="primary">
          Send
        </ActButton>
      </div>
      {where === "whispers" && blockList.value.whispersOff && (
        <p class="rule">You take no whispers yourself.</p>
      )}
    </ActForm>
  );
}
