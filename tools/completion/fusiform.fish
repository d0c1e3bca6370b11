# Completion of fusiform in fish. The program lists its commands, and each command its options.
complete -c fusiform -n __fish_use_subcommand -f -a '(fusiform --list-commands 2>/dev/null; echo help)'
for command in (fusiform --list-commands 2>/dev/null | cut -f1)
    for line in (fusiform $command --list-options 2>/dev/null)
        set part (string split \t -- $line)
        string match -q -- '--*' $part[1]; or continue
        set name (string sub -s 3 -- $part[1])
        switch $part[2]
            case flag
                complete -c fusiform -n "__fish_seen_subcommand_from $command" -l $name
            case choice
                complete -c fusiform -n "__fish_seen_subcommand_from $command" -x -l $name -a "$part[3]"
            case text
                complete -c fusiform -n "__fish_seen_subcommand_from $command" -r -l $name
            case value
                complete -c fusiform -n "__fish_seen_subcommand_from $command" -x -l $name
        end
    end
end
