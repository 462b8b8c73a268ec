import "./facts.css";

/** Names and what is known of each. */
export const Facts = ({ facts }: { readonly facts: readonly (readonly [name: string, words: string])[] }) => (
  <dl class="facts">
    {facts.map(([name, words], i) => (
      <div key={`${i} ${name}`}>
        <dt>{name}</dt>
        <dd>{words}</dd>
      </div>
    ))}
  </dl>
);
