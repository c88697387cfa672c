# SPDX-License-Identifier: MPL-2.0
# For bash: written from nodes/zloom/commands.def; the test cli.reference compares.
_zloom_recipes () {
    mapfile -t COMPREPLY < <(compgen -f -X '!*.y?(a)ml' -- "$word"
                             compgen -d -- "$word")
}
_zloom () {
    local word=${COMP_WORDS[COMP_CWORD]} before options
    before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='choose patterns new lint explain expand graph schema test run node up down ps wait pause resume drain scale send tap dlq flow group stats top trace why logs keys doctor help version'
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "$commands" -- "$word"))
        return
    fi
    COMPREPLY=()
    case ${COMP_WORDS[1]} in
        choose)
            case $before in
                --answers) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--answers --recipe --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        patterns)
            case $before in
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        new)
            case $before in
                -w|--worker) COMPREPLY=(); return ;;
                --name) COMPREPLY=(); return ;;
                --dir) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--worker --name --dir --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        lint)
            case $before in
                --set) COMPREPLY=(); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--set --fleet --state --output --env --all'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        explain)
            case $before in
                --set) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--set --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        expand)
            case $before in
                --set) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--set --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        graph)
            case $before in
                --set) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text dot mermaid json jsonl' -- "$word")); return ;;
            esac
            options='--set --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        schema)
            case $before in
            esac
            options='--fragment'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        test)
            case $before in
                -c|--case) COMPREPLY=(); return ;;
                --set) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text tap' -- "$word")); return ;;
            esac
            options='--case --set --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        run)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --host) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --set) COMPREPLY=(); return ;;
                --grace) COMPREPLY=(); return ;;
                --log-size) COMPREPLY=(); return ;;
                --ready-fd) COMPREPLY=(); return ;;
                --metrics) COMPREPLY=(); return ;;
            esac
            options='--state --fleet --host --keys --set --threads --until-idle --grace --logs --log-size --ready-fd --metrics'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        node)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --host) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --set) COMPREPLY=(); return ;;
                --replica) COMPREPLY=(); return ;;
                --unit) COMPREPLY=(); return ;;
                --runtime) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --ready-fd) COMPREPLY=(); return ;;
            esac
            options='--state --fleet --host --keys --set --replica --unit --runtime --ready-fd'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        up)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --host) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --set) COMPREPLY=(); return ;;
                --grace) COMPREPLY=(); return ;;
                -t|--timeout) COMPREPLY=(); return ;;
                --log-size) COMPREPLY=(); return ;;
                --metrics) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --host --keys --set --grace --timeout --log-size --metrics --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        down)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --grace) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --grace --now --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        ps)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        wait)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -t|--timeout) COMPREPLY=(); return ;;
            esac
            options='--state --ready --idle --down --timeout'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        pause)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --node --flow --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        resume)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -t|--timeout) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --node --flow --timeout --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        drain)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -t|--timeout) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --node --flow --timeout --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        scale)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -t|--timeout) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --timeout --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        send)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -f|--file) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                -k|--key) COMPREPLY=(); return ;;
                --topic) COMPREPLY=(); return ;;
                --in) COMPREPLY=(); return ;;
                --at) COMPREPLY=(); return ;;
                --expires) COMPREPLY=(); return ;;
                -p|--priority) COMPREPLY=(); return ;;
                --id) COMPREPLY=(); return ;;
                --name) COMPREPLY=(); return ;;
                -t|--timeout) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl: what was sent on stdout with its ids' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --file --key --topic --in --at --expires --priority --id --trace --name --timeout --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        tap)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -n|--count) COMPREPLY=(); return ;;
                --topic) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --count --topic --waiting --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        dlq)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -r|--reason) COMPREPLY=(); return ;;
                --id) COMPREPLY=(); return ;;
                -n|--max) COMPREPLY=(); return ;;
                --rate) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --reason --id --max --rate --dry-run --yes --output'
            [[ $word == -* ]] || { COMPREPLY=($(compgen -W 'ls show requeue purge' -- "$word")); return; }
            ;;
        flow)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -k|--key) COMPREPLY=(); return ;;
                -n|--max) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --key --retry --skip --max --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        group)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --yes --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        stats)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        top)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -n|--count) COMPREPLY=(); return ;;
                --interval) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --count --interval --output'
            [[ $word == -* ]] || { _zloom_recipes; return; }
            ;;
        trace)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --receipts --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        why)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                --as) COMPREPLY=(); return ;;
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --for) COMPREPLY=(); return ;;
                --timeout) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --fleet --as --keys --for --timeout --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        logs)
            case $before in
                --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                -n|--lines) COMPREPLY=(); return ;;
                --since) COMPREPLY=(); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--state --follow --lines --since --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        keys)
            case $before in
                --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
                --fleet) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--keys --fleet --output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        doctor)
            case $before in
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--output'
            [[ $word == -* ]] || { mapfile -t COMPREPLY < <(compgen -d -- "$word"); return; }
            ;;
        help)
            case $before in
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--all --output'
            [[ $word == -* ]] || { COMPREPLY=($(compgen -W "$commands" -- "$word")); return; }
            ;;
        version)
            case $before in
                -o|--output) COMPREPLY=($(compgen -W 'text json jsonl' -- "$word")); return ;;
            esac
            options='--output'
            [[ $word == -* ]] || { COMPREPLY=(); return; }
            ;;
        *) return ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$word"))
}
shopt -s extglob
complete -o filenames -F _zloom zloom
