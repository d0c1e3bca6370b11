# Completion of fusiform in bash. The program lists its commands, and each command its options.
_fusiform() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} program=${COMP_WORDS[0]}
    local name kind words
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "help $("$program" --list-commands 2>/dev/null | cut -f1 | tr '\n' ' ')" -- "$word")
        return
    fi
    while IFS=$'\t' read -r name kind words; do
        [ "$name" = "$before" ] || continue
        case $kind in
        choice) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"); return ;;
        text) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        value) return ;;
        esac
    done < <("$program" "$command" --list-options 2>/dev/null)
    case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "--help $("$program" "$command" --list-options 2>/dev/null | cut -f1 | tr '\n' ' ')" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -o filenames -F _fusiform fusiform
